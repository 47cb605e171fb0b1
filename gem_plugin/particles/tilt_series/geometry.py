"""Where a particle of a tomogram lies and points in each tilt image: RELION 5's geometry, without files.

Checked by others on RELION's own test project to 1e-7 in the rotations: T = Rz(ZRot) Ry(YTilt) Rx(XTilt), and the pose of an
image A = T E(subtomogram) E(particle) (RELION 5.0.1 tomogram.cpp, particle_set.cpp, exp_model.cpp).
"""

from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

MAXIMUM_ROTATION_ERROR = 1e-3  # of the elements of R R^T, for matrices from text


class ImageGeometry(NamedTuple):
    """Of every particle in every tilt."""

    rotation_matrices: np.ndarray  # (..., 3, 3)
    shifts_in_angstroms: np.ndarray  # (..., 2), ordered xy; RELION's origin
    depths_in_angstroms: np.ndarray  # (...): along the beam, from the centre of the tomogram


def tilt_rotations(
    x_tilts: np.ndarray,  # (k,) degrees
    y_tilts: np.ndarray,  # (k,) degrees: the tilt angle
    z_rotations: np.ndarray,  # (k,) degrees: the tilt axis
) -> np.ndarray:  # (k, 3, 3): tomogram -> tilt image, T = Rz Ry Rx
    """Rotations of the tilts from rlnTomoXTilt, rlnTomoYTilt and rlnTomoZRot: x first, all about fixed axes."""
    angles = np.stack([x_tilts, y_tilts, z_rotations], axis=-1)
    return Rotation.from_euler("xyz", angles, degrees=True).as_matrix()


def euler_matrices(angles_in_degrees: np.ndarray) -> np.ndarray:  # (..., 3): rot, tilt, psi -> (..., 3, 3)
    """RELION's matrices E of rot, tilt and psi."""
    flat = np.asarray(angles_in_degrees, dtype=np.float64).reshape(-1, 3)
    matrices = Rotation.from_euler("ZYZ", flat, degrees=True).as_matrix().transpose(0, 2, 1)
    return matrices.reshape(*np.shape(angles_in_degrees)[:-1], 3, 3)


def are_rotations(matrices: np.ndarray) -> np.ndarray:  # (k, 3, 3) -> (k,) bool
    """Whether matrices are rotations: orthogonal, without a mirror."""
    error = np.abs(matrices @ matrices.transpose(0, 2, 1) - np.eye(3)).max(axis=(1, 2))
    return (error < MAXIMUM_ROTATION_ERROR) & (np.linalg.det(matrices) > 0)


def nearest_rotations(matrices: np.ndarray) -> np.ndarray:  # (k, 3, 3)
    """Matrices from text of few digits, made orthogonal."""
    return Rotation.from_matrix(matrices).as_matrix()


def image_geometry(
    tilts: np.ndarray,  # (..., 3, 3): T of each image
    subtomograms: np.ndarray,  # (..., 3, 3): E of the subtomogram angles of its particle
    particles: np.ndarray,  # (..., 3, 3): E of the particle angles
    origins_in_angstroms: np.ndarray,  # (..., 3): rlnOrigin of the particle
    positions_in_angstroms: np.ndarray,  # (..., 3): of the particle from the centre of the tomogram, origins taken off
) -> ImageGeometry:
    """Pose, shift and depth of each image.

    A = T E(sub) E(particle); shift = [T E(sub) origin]_xy; depth = [T position]_z.
    """
    to_image = tilts @ subtomograms
    return ImageGeometry(
        to_image @ particles,
        (to_image @ origins_in_angstroms[..., None])[..., :2, 0],
        (tilts[..., 2:, :] @ positions_in_angstroms[..., None])[..., 0, 0],
    )


def positions_of_particles(
    coordinates_in_angstroms: np.ndarray,  # (n, 3): where the particle was cut out, from the centre of the tomogram
    subtomograms: np.ndarray,  # (n, 3, 3): E of the subtomogram angles
    origins_in_angstroms: np.ndarray,  # (n, 3)
) -> np.ndarray:  # (n, 3)
    """Where the particle itself is: its coordinates less E(subtomogram) times its origin."""
    return coordinates_in_angstroms - (subtomograms @ origins_in_angstroms[:, :, None])[:, :, 0]


def defocus_change_in_angstroms(
    depths_in_angstroms: np.ndarray,  # (...)
    hand: np.ndarray | float,  # rlnTomoHand: +1 or -1
    slope: np.ndarray | float = 1.0,  # rlnTomoDefocusSlope
) -> np.ndarray:  # (...), added to defocus U and V of the tomogram's centre
    """How much the defocus at a depth differs from that of the centre of the tomogram."""
    return hand * slope * depths_in_angstroms
