"""Changed poses of tilt series: those of every image, and the columns of particle files of all forms, the inverse of what is read.

A particle is rotated by R about its own axes and then shifted by s, in Angstrom along the axes of the map in its given pose. An
image of pose A and shift o gets the pose A R and the shift o - (A s)_xy, since a shift is what moves the image onto the centre.
"""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import RelionFile
from gem_plugin.particles.pose_columns import CHANGE_LABELS, ChangedPoses
from gem_plugin.particles.tilt_series.geometry import euler_matrices
from gem_plugin.particles.tilt_series.stack_columns import ANGLES, ORIGINS, ORIGINS_IN_PIXELS
from gem_plugin.particles.tilt_series.table import TiltSeriesForm, TiltSeriesParticles
from gem_plugin.particles.to_relion import relion_angles_in_degrees

N_AXES_OF_IMAGES = 2


def moved_particles(
    particles: TiltSeriesParticles,
    rotation_vectors: np.ndarray,  # (n, 3) radians: R = exp([v]x) of every particle
    shifts_in_angstroms: np.ndarray,  # (n, 3): s
) -> TiltSeriesParticles:
    """The particles and all their images in changed poses. The defocus stays: depths change by no more than s."""
    images, owners = particles.images, particles.images.particle_indices
    changes = Rotation.from_rotvec(rotation_vectors.astype(np.float64)).as_matrix()
    views, poses = (
        one.rotation_matrices.astype(np.float64) for one in (images, particles)
    )  # of images, in the tomogram
    in_images = np.einsum("mij,mj->mi", views[:, :2], shifts_in_angstroms[owners])
    moved = replace(
        images,
        rotation_matrices=(views @ changes[owners]).astype(np.float32),
        shifts_in_angstroms=(images.shifts_in_angstroms - in_images).astype(np.float32),
    )
    in_tomogram = np.einsum("nij,nj->ni", poses, shifts_in_angstroms)
    subtomograms = euler_matrices(particles.subtomogram_angles_in_degrees)
    origins = particles.origins_in_angstroms
    if particles.form is not TiltSeriesForm.IMAGE_SERIES:  # whose particles have none of their own
        origins = origins - np.einsum("nji,nj->ni", subtomograms, in_tomogram)
    return replace(
        particles,
        images=moved,
        rotation_matrices=(poses @ changes).astype(np.float32),
        origins_in_angstroms=origins,
        coordinates_in_angstroms=particles.coordinates_in_angstroms + in_tomogram,
    )


def stack_pose_columns(
    file: RelionFile,
    rows: np.ndarray,  # (n,) int64: row of the file of each particle
    particles: TiltSeriesParticles,
    poses: ChangedPoses,
    angles_in_degrees: np.ndarray
    | None = None,  # (n, 3): of views that the file does not have; None: those of the file
) -> dict[str, np.ndarray]:  # label -> (n,) float64
    """Of RELION 5 and WarpTools. With E of the angles of the file: E becomes E R, the origin o becomes o - E s.

    Subtomogram angles stay. Origins are written in the unit of the file, in Angstrom where it has none.
    """
    columns = _read(file, ANGLES, ORIGINS, ORIGINS_IN_PIXELS)
    in_angstroms = any(label in columns for label in ORIGINS)
    given = _triples(columns, ORIGINS if in_angstroms else ORIGINS_IN_PIXELS, len(rows), rows)
    given = given if in_angstroms else given * particles.pixel_size_in_angstroms
    if angles_in_degrees is None:
        angles_in_degrees = _triples(columns, ANGLES, len(rows), rows)
    views = euler_matrices(angles_in_degrees)
    changed = given - np.einsum("nij,nj->ni", views, poses.shift_changes_in_angstroms)
    return {
        **_angle_columns(views @ _rotations(poses)),
        **_origin_columns(columns, changed, particles.pixel_size_in_angstroms, is_angstrom_usual=True),
        **_size_columns(poses, np.arange(len(rows))),
    }


def series_pose_columns(
    file: RelionFile,
    rows: np.ndarray,  # (m,) int64: of the file
    owners: np.ndarray,  # (m,) int64: the particle of each; below 0 for those that stay
    particles: TiltSeriesParticles,
    poses: ChangedPoses,
    angles_in_degrees: np.ndarray
    | None = None,  # (m, 3): of views that the file does not have; None: those of the file
) -> dict[str, np.ndarray]:  # label -> (m,) float64
    """Of image series, for every row that is given: A becomes A R, the origin o becomes o - (A s)_xy.

    Origins are written in the unit of the file; where it has none in Angstrom with a block of optics, else in pixels.
    """
    columns, n_rows = _read(file, ANGLES, ORIGINS, ORIGINS_IN_PIXELS), len(rows)
    pixel_size = particles.pixel_size_in_angstroms
    given = np.zeros((n_rows, N_AXES_OF_IMAGES))
    for axis in range(N_AXES_OF_IMAGES):
        if ORIGINS[axis] in columns:
            given[:, axis] = columns[ORIGINS[axis]][rows]
        elif ORIGINS_IN_PIXELS[axis] in columns:
            given[:, axis] = columns[ORIGINS_IN_PIXELS[axis]][rows] * pixel_size
    if angles_in_degrees is None:
        angles_in_degrees = _triples(columns, ANGLES, n_rows, rows)
    views = euler_matrices(angles_in_degrees)
    is_moved = (owners >= 0)[:, None]
    changes = np.where(is_moved[..., None], _rotations(poses)[owners], np.eye(3))
    shifts = np.einsum("mij,mj->mi", views[:, :2], poses.shift_changes_in_angstroms[owners])
    changed = given - np.where(is_moved, shifts, 0.0)
    return {
        **_angle_columns(views @ changes),
        **_origin_columns(columns, changed, pixel_size, is_angstrom_usual=file.optics is not None),
        **_size_columns(poses, owners),
    }


def _read(file: RelionFile, *labels: tuple[str, ...]) -> dict[str, np.ndarray]:
    return read_columns(file.document, file.particles, [label for some in labels for label in some])


def _rotations(poses: ChangedPoses) -> np.ndarray:  # (n, 3, 3) float64: R
    assert poses.rotation_vectors is not None
    return Rotation.from_rotvec(poses.rotation_vectors.astype(np.float64)).as_matrix()


def _triples(
    columns: dict[str, np.ndarray], labels: tuple[str, ...], n_rows: int, rows: np.ndarray
) -> np.ndarray:  # (n, 3) float64; 0 where a column is absent
    zeros = np.zeros(n_rows)
    return np.stack([columns[label][rows] if label in columns else zeros for label in labels], axis=1)


def _angle_columns(views: np.ndarray) -> dict[str, np.ndarray]:  # (n, 3, 3)
    return dict(zip(ANGLES, relion_angles_in_degrees(views).T, strict=True))


def _origin_columns(
    columns: dict[str, np.ndarray],
    origins_in_angstroms: np.ndarray,
    pixel_size: float,
    is_angstrom_usual: bool,
) -> dict[str, np.ndarray]:
    """For 2 or 3 axes."""
    has_angstroms, has_pixels = (
        any(label in columns for label in labels) for labels in (ORIGINS, ORIGINS_IN_PIXELS)
    )
    new: dict[str, np.ndarray] = {}
    if has_angstroms or (not has_pixels and is_angstrom_usual):
        new |= dict(zip(ORIGINS, origins_in_angstroms.T))
    if has_pixels or not new:
        new |= dict(zip(ORIGINS_IN_PIXELS, origins_in_angstroms.T / pixel_size))
    return new


def _size_columns(poses: ChangedPoses, particles: np.ndarray) -> dict[str, np.ndarray]:
    if poses.sizes is None:
        return {}
    return dict(zip(CHANGE_LABELS, poses.sizes[particles].T, strict=True))
