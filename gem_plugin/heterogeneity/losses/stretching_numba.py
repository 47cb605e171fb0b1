"""The price of stretching on CPUs, with its gradient: pairs in parallel, then particles in parallel."""

from typing import Any

import numba
import numpy as np

FAST: Any = {"fastmath": {"contract", "reassoc", "arcp"}, "error_model": "numpy", "cache": True}
ZERO = np.float32(0.0)


@numba.njit(parallel=True, **FAST)
def price_of_pairs(positions, pairs, free_variance, least, prices, pulls):
    """prices (m,): v / (v + e) of each pair; pulls (batch, m): its derivative by each distance, divided by the distance.

    positions (batch, n, 3), pairs (2, m); v is the variance over the batch of the distance of a pair.
    """
    n_particles = np.float32(positions.shape[0])
    for p in numba.prange(pairs.shape[1]):
        first, second = pairs[0, p], pairs[1, p]
        total, squares = ZERO, ZERO
        for b in range(positions.shape[0]):
            x = positions[b, first, 0] - positions[b, second, 0]
            y = positions[b, first, 1] - positions[b, second, 1]
            z = positions[b, first, 2] - positions[b, second, 2]
            pulls[b, p] = np.sqrt(x * x + y * y + z * z + least)
            total += pulls[b, p]
        mean = total / n_particles
        for b in range(positions.shape[0]):
            squares += (pulls[b, p] - mean) ** 2
        variance = squares / n_particles
        prices[p] = variance / (variance + free_variance)
        slope = np.float32(2.0) * free_variance / ((variance + free_variance) ** 2 * n_particles)
        for b in range(positions.shape[0]):
            pulls[b, p] = slope * (pulls[b, p] - mean) / pulls[b, p]


@numba.njit(parallel=True, **FAST)
def pull_apart(positions, pairs, pulls, by_position):
    """Add the gradient of the sum of the prices to by_position (batch, n, 3)."""
    for b in numba.prange(positions.shape[0]):
        for p in range(pairs.shape[1]):
            first, second, pull = pairs[0, p], pairs[1, p], pulls[b, p]
            for axis in range(3):
                step = pull * (positions[b, first, axis] - positions[b, second, axis])
                by_position[b, first, axis] += step
                by_position[b, second, axis] -= step
