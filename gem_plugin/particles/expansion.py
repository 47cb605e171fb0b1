"""Views of a symmetric complex: for every particle of a symmetric refinement one row for each rotation of its point group.

In copy j the point v of the map stands where R_j v stood: A_j = A R_j. So every subunit comes once to where the first one is.
"""

import dataclasses

import numpy as np

from gem_plugin.imaging.symmetry import Symmetry
from gem_plugin.particles.copy_rotations import find_common_rotations
from gem_plugin.particles.table import ParticleTable

MINIMUM_FRACTION_WITH_COPIES = 0.05  # of the particles
MINIMUM_ANGLE_IN_DEGREES = 10.0  # between copies, in the median
MAXIMUM_ANGLE_WITHIN_COPY_IN_DEGREES = (
    10.0  # between the rotations of one copy: local refinements turn each a little
)
PERCENTILE_WITH_ONE_ROTATION = 95
MAXIMUM_PARTICLES_LOOKED_AT = 5000


def expand_table(table: ParticleTable, symmetry: Symmetry) -> ParticleTable:
    """Each row, then its copies by the other operators, adjacent, as relion_particle_symmetry_expand orders them.

    Copies share image, particle, shift, CTF and half-set; only the rotation differs.
    """
    n_rows, order = len(table), len(symmetry)
    expanded = table.take(np.repeat(np.arange(n_rows), order))
    rotations = copied_rotations(table.rotation_matrices, symmetry)
    return dataclasses.replace(
        expanded,
        rotation_matrices=rotations.reshape(-1, 3, 3).astype(np.float32),
        symmetry_copies=np.tile(np.arange(order, dtype=np.int16), n_rows),
        symmetry=symmetry,
    )


def copied_rotations(
    rotation_matrices: np.ndarray,  # (n, 3, 3)
    symmetry: Symmetry,
) -> np.ndarray:  # (n, order, 3, 3) float64
    """A R_j for every rotation A and every operator R_j; the first of each is A itself."""
    return rotation_matrices.astype(np.float64)[:, None] @ symmetry.operators[None]


def has_subunits(table: ParticleTable, minimum_fraction: float = MINIMUM_FRACTION_WITH_COPIES) -> bool:
    """Whether particles have several views from clearly different sides, as symmetry expansion makes them.

    A few images that come twice, all of them in almost the same poses, as two joined refinements have them, or views that
    are related by another rotation in every particle, are not.
    """
    if len(table.symmetry) > 1:
        return True
    _, first, which, n_views = np.unique(
        table.particle_indices, return_index=True, return_inverse=True, return_counts=True
    )
    is_repeated = n_views > 1
    if not is_repeated.sum() > minimum_fraction * len(n_views):
        return False
    which = which.reshape(-1)
    others = np.setdiff1d(np.arange(len(table)), first)
    references = table.rotation_matrices[first[which[others]]].astype(np.float64)
    traces = (references * table.rotation_matrices[others]).sum(axis=(1, 2))
    if np.median(_angles_in_degrees(traces)) <= MINIMUM_ANGLE_IN_DEGREES:
        return False
    return find_common_rotations(table).are_common


def numbers_of_copies(table: ParticleTable) -> np.ndarray | None:  # (n,) int64 from 0
    """Which copy of its particle each row is: as expanded here, else by the order of the rows of each particle.

    None where that order says nothing: particles with different numbers of views, or whose views are related by
    other rotations than those of the other particles.
    """
    if len(table.symmetry) > 1:
        return table.symmetry_copies.astype(np.int64)
    if not has_subunits(table):
        return None
    order = np.argsort(table.particle_indices, kind="stable")
    n_views = np.bincount(table.particle_indices)
    if (n_views != n_views[0]).any():
        return None
    rows = order.reshape(-1, n_views[0])  # (particles, views)
    looked_at = rows[:: 1 + len(rows) // MAXIMUM_PARTICLES_LOOKED_AT]
    rotations = table.rotation_matrices[looked_at].astype(np.float64)
    relative = np.einsum("nji,nkjl->nkil", rotations[:, 0], rotations)  # (particles, views, 3, 3): R_k
    angles = _angles_in_degrees((relative * relative[:1]).sum(axis=(2, 3)))
    if np.percentile(angles, PERCENTILE_WITH_ONE_ROTATION) > MAXIMUM_ANGLE_WITHIN_COPY_IN_DEGREES:
        return None
    copies = np.empty(len(table), np.int64)
    copies[order] = np.tile(np.arange(n_views[0]), len(n_views))
    return copies


def _angles_in_degrees(traces: np.ndarray) -> np.ndarray:
    """Angles of rotations by the traces of their matrices."""
    return np.rad2deg(np.arccos(((traces - 1) / 2).clip(-1, 1)))


def expanded_rows(rows: np.ndarray, order: int) -> np.ndarray:  # (k,) int64 -> (k * order,) int64
    """Rows of an expanded table that show the particles of the given rows of the table before."""
    return (rows[:, None] * order + np.arange(order)).reshape(-1)
