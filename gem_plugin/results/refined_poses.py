"""Poses that training refined, applied: the table of the run with them, and what is needed to write them into its file."""

import dataclasses

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.refined_poses import RefinedPoses, read_refined_poses
from gem_plugin.particles.pose_columns import ChangedPoses
from gem_plugin.particles.prepared import PreparedData
from gem_plugin.particles.table import ParticleTable
from gem_plugin.particles.tilt_series.changed_poses import moved_particles
from gem_plugin.results.run import Run


def prepared_in_refined_poses(prepared: PreparedData, run: RunFiles) -> PreparedData:
    """The prepared particles, and all tilt images of tilt series, with the poses that training found; as they are where it refined none."""
    table = with_refined_poses(prepared.table, run)
    if table is prepared.table:
        return prepared
    tilts, poses = prepared.tilts, read_refined_poses(run, len(table))
    if tilts is not None and poses is not None:
        moved = moved_particles(tilts.particles, poses.rotation_vectors, poses.shifts_in_angstroms)
        tilts = dataclasses.replace(tilts, particles=moved)
    return dataclasses.replace(prepared, table=table, tilts=tilts)


def with_refined_poses(table: ParticleTable, run: RunFiles) -> ParticleTable:  # the prepared table of the run
    """The table with the poses that training found; the same table where it refined none. A row of tilt series is the first image."""
    poses = read_refined_poses(run, len(table))
    if poses is None:
        return table
    changes = poses.shifts_in_angstroms
    if changes.shape[1] == 3:
        changes = np.einsum("nij,nj->ni", table.rotation_matrices[:, :2], changes)
    return dataclasses.replace(
        table,
        rotation_matrices=refined_rotations(table, poses).astype(np.float32),
        shifts_in_angstroms=(table.shifts_in_angstroms - changes).astype(np.float32),
    )


def refined_rotations(table: ParticleTable, poses: RefinedPoses) -> np.ndarray:  # (n, 3, 3) float64
    """A exp([v]x): the molecule is rotated about its own axes, then seen as before."""
    changes = Rotation.from_rotvec(poses.rotation_vectors.astype(np.float64)).as_matrix()
    return table.rotation_matrices.astype(np.float64) @ changes


def changed_poses(
    run: Run,
    with_sizes: bool = False,  # and the sizes of the changes as columns
    n_latents: int = 0,  # that are written before the sizes
) -> ChangedPoses:
    """The refined poses of all rows for ParticleFile.pose_columns; InputError where training left none."""
    table = run.particles
    poses = read_refined_poses(run.files, len(table))
    if poses is None:
        raise InputError(
            f"{run.files.root} has no refined poses ({run.files.refined_poses.name}): training found those of the input right, "
            "did not refine them, or is of an earlier version. Leave --refined-poses out."
        )
    sizes = np.stack([poses.rotations_in_degrees, poses.distances_in_angstroms], axis=1)
    return ChangedPoses(
        refined_rotations(table, poses),
        poses.shifts_in_angstroms.astype(np.float64),
        run.origin.original_box_size,
        run.origin.original_pixel_size_in_angstroms,
        sizes if with_sizes else None,
        n_latents,
        poses.rotation_vectors,
    )
