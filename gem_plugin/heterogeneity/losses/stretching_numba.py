"""The price of stretching on CPUs, with its gradient: pairs in parallel, then particles in parallel.

Coordinates of one Gaussian in all particles lie side by side, so that one instruction takes several particles.
"""

from typing import Any

import numba
import numpy as np

from gem_plugin.gaussians.vectors_numba import load_eight, store_eight

FAST: Any = {"fastmath": {"contract", "reassoc", "arcp"}, "error_model": "numpy", "cache": True}
ZERO = np.float32(0.0)
AT_A_TIME = 8  # particles, in the gradient


@numba.njit(parallel=True, **FAST)
def side_by_side(planes, points):
    """Positions (batch, 3, n) into the first particles of points (n, 3, k)."""
    for i in numba.prange(planes.shape[2]):
        for axis in range(3):
            for b in range(planes.shape[0]):
                points[i, axis, b] = planes[b, axis, i]


@numba.njit(parallel=True, **FAST)
def price_of_pairs(points, n_particles, pairs, free_variance, least, prices, pulls):
    """prices (m,): v / (v + e) of each pair; pulls (m, k): its derivative by each distance, divided by the distance.

    points (n, 3, k), pairs (2, m); v is the variance of the distance of a pair over the first n_particles of k.
    """
    share = np.float32(1.0) / np.float32(n_particles)
    for p in numba.prange(pairs.shape[1]):
        first, second, distances = points[pairs[0, p]], points[pairs[1, p]], pulls[p]
        total, squares = ZERO, ZERO
        for b in range(n_particles):
            x, y, z = first[0, b] - second[0, b], first[1, b] - second[1, b], first[2, b] - second[2, b]
            distance = np.sqrt(x * x + y * y + z * z + least)
            distances[b] = distance
            total += distance
        mean = total * share
        for b in range(n_particles):
            squares += (distances[b] - mean) ** 2
        variance = squares * share
        prices[p] = variance / (variance + free_variance)
        slope = np.float32(2.0) * free_variance * share / (variance + free_variance) ** 2
        for b in range(n_particles):
            distances[b] = slope - slope * mean / distances[b]


@numba.njit(parallel=True, **FAST)
def pull_apart(points, pairs, pulls, by_point):
    """Add the gradient of the sum of the prices to by_point (k / 8, n, 3, 8): eight particles after eight others.

    points (n, 3, k), pulls (m, k); k is a multiple of eight.
    """
    for part in numba.prange(by_point.shape[0]):
        start, gradient = part * AT_A_TIME, by_point[part]
        for p in range(pairs.shape[1]):
            first, second, pull = pairs[0, p], pairs[1, p], load_eight(pulls[p], start)
            for axis in range(3):
                here, there = gradient[first, axis], gradient[second, axis]
                between = load_eight(points[first, axis], start) - load_eight(points[second, axis], start)
                step = pull * between
                store_eight(here, 0, load_eight(here, 0) + step)
                store_eight(there, 0, load_eight(there, 0) - step)
