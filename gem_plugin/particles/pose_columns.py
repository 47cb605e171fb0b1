"""Changed poses in the terms of RELION and of CryoSPARC: the inverse of from_relion.py and from_cryosparc.py.

Only the change of a shift is added to what the file holds, in the file's own unit, so that nothing else of it moves.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.groups import latent_fields
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import RelionFile
from gem_plugin.notices import listening
from gem_plugin.particles.cryosparc_checks import square_boxes
from gem_plugin.particles.cryosparc_classes import with_best_class
from gem_plugin.particles.from_relion import (
    ANGLES,
    ORIGINS_IN_ANGSTROMS,
    ORIGINS_IN_PIXELS,
    read_own_sizes,
)
from gem_plugin.particles.image_sizes import sizes_on_grid, stretch_of
from gem_plugin.particles.to_relion import relion_angles_in_degrees

ALIGNMENTS = "alignments3D"
CHANGE_LABELS = ("_gemPoseChange", "_gemShiftChange")  # degrees, Angstrom


class ChangedPoses(NamedTuple):
    """Poses of all rows of a run that differ from those of its particle file."""

    rotation_matrices: np.ndarray  # (n, 3, 3), A of ParticleTable
    # (n, 2), ordered xy: the shift of the file less the changed one. Of tilt series (n, 3), as in tilt_series/changed_poses.py
    shift_changes_in_angstroms: np.ndarray
    box_size: int  # pixels, of the raw images of the run
    pixel_size_in_angstroms: float
    sizes: np.ndarray | None = None  # (n, 2), degrees and Angstrom, to be written beside the poses
    first_mode: int = 0  # of the components of CryoSPARC that hold the sizes: those before it are latents
    rotation_vectors: np.ndarray | None = None  # (n, 3) radians: A = given A exp([v]x)


def relion_pose_columns(
    file: RelionFile,
    rows: np.ndarray,  # (n,) int64: row of the file of each row of the run
    poses: ChangedPoses,
) -> dict[str, np.ndarray]:  # label -> (n,) float64
    """rlnAngleRot, Tilt and Psi, and the origins in the unit that the file has them: Angstrom, pixels, or both.

    A file without origins gets those of its version: in Angstrom with a block of optics (3.1 and newer), else in pixels.
    """
    columns = dict(zip(ANGLES, relion_angles_in_degrees(poses.rotation_matrices).T, strict=True))
    origins = read_columns(file.document, file.particles, [*ORIGINS_IN_ANGSTROMS, *ORIGINS_IN_PIXELS])
    own_sizes = read_own_sizes(file, poses.box_size, poses.pixel_size_in_angstroms)
    sizes = sizes_on_grid(poses.box_size, poses.pixel_size_in_angstroms, *own_sizes)
    changes = poses.shift_changes_in_angstroms.astype(np.float64) / stretch_of(sizes)[rows, None]
    pixels = own_sizes[1][rows]
    for axis in range(2):
        in_angstroms, in_pixels = ORIGINS_IN_ANGSTROMS[axis], ORIGINS_IN_PIXELS[axis]
        given = np.zeros(len(rows))
        if in_angstroms in origins:
            given = origins[in_angstroms][rows]
        elif in_pixels in origins:
            given = origins[in_pixels][rows] * pixels
        changed = given - changes[:, axis]
        has_neither = in_angstroms not in origins and in_pixels not in origins
        if in_angstroms in origins or (has_neither and file.optics is not None):
            columns[in_angstroms] = changed
        if in_pixels in origins or (has_neither and file.optics is None):
            columns[in_pixels] = changed / pixels
    if poses.sizes is not None:
        columns |= dict(zip(CHANGE_LABELS, poses.sizes.T, strict=True))
    return columns


def cryosparc_pose_fields(
    all_rows: np.ndarray,  # (m,) structured, of the file
    rows: np.ndarray,  # (n,) int64: row of the file of each row of the run
    poses: ChangedPoses,
    source: Path,  # for messages
) -> dict[str, np.ndarray]:  # field -> (n, ...)
    """alignments3D/pose and alignments3D/shift, the latter in pixels of alignments3D/psize_A.

    Rows that hold alignments of several classes only get a slot alignments3D: that of the best class, with the changed pose.
    Sizes become two component modes behind the latents: CryoSPARC imports no slots but its own.
    """
    with listening(lambda notice: None):  # which class is the best was said when the particles were read
        aligned = with_best_class(all_rows, source)
    names = aligned.dtype.names or ()
    pose, shift, pixel = (f"{ALIGNMENTS}/{name}" for name in ("pose", "shift", "psize_A"))
    if not {pose, shift, pixel} <= set(names):
        raise InputError(
            f"{source}: lacks {pose}, {shift} or {pixel}, so refined poses cannot be written into it. "
            "Give the particles of a refinement."
        )
    new = [name for name in names if name not in (all_rows.dtype.names or ())]
    fields: Mapping[str, np.ndarray] = {name: aligned[name][rows] for name in [*new, pose, shift]}
    own_sizes = square_boxes(aligned, source), aligned["blob/psize_A"].astype(np.float64)
    sizes = sizes_on_grid(poses.box_size, poses.pixel_size_in_angstroms, *own_sizes)
    changes = poses.shift_changes_in_angstroms.astype(np.float64) / stretch_of(sizes)[rows, None]
    rotations = Rotation.from_matrix(poses.rotation_matrices.astype(np.float64)).inv().as_rotvec()
    changed = fields[shift].astype(np.float64) - changes / aligned[pixel][rows].astype(np.float64)[:, None]
    added = {} if poses.sizes is None else latent_fields(poses.sizes, poses.first_mode)
    return {
        **fields,
        pose: rotations.astype(fields[pose].dtype),
        shift: changed.astype(fields[shift].dtype),
        **added,
    }
