"""Drawing particles, not rows: several rows may be views of one particle, which share its noise and belong together."""

import numpy as np


def one_view_each(
    rows: np.ndarray,  # (k,) int64, in any order
    particle_indices: np.ndarray,  # (n,) int64: the particle of every row of the set
) -> np.ndarray:  # (m,) int64, in the same order
    """The first of the rows of each particle: independent of each other, as rows of one particle are not."""
    _, first = np.unique(particle_indices[rows], return_index=True)
    return rows if len(first) == len(rows) else rows[np.sort(first)]


def particles_of(
    rows: np.ndarray,  # (k,) int64
    particle_indices: np.ndarray,  # (n,) int64
) -> tuple[np.ndarray, int]:  # (k,) int64 from 0, and how many particles there are
    """Which of the particles each row is of, numbered by these rows alone: in their order where every row is another one."""
    different, which = np.unique(particle_indices[rows], return_inverse=True)
    return which.reshape(-1), len(different)
