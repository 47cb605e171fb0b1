"""Views of a symmetric complex: for every particle of a symmetric refinement one row for each rotation of its point group.

In copy j the point v of the map stands where R_j v stood: A_j = A R_j. So every subunit comes once to where the first one is.
"""

import dataclasses

import numpy as np

from gem_plugin.imaging.symmetry import Symmetry
from gem_plugin.particles.table import ParticleTable


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


def expanded_rows(rows: np.ndarray, order: int) -> np.ndarray:  # (k,) int64 -> (k * order,) int64
    """Rows of an expanded table that show the particles of the given rows of the table before."""
    return (rows[:, None] * order + np.arange(order)).reshape(-1)
