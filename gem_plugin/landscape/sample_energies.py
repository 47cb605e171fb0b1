"""Free energy of each sample on one plane, and the difference of two with its error.

The density of a sample is the kernel estimate of free_energy.py, with one bandwidth for all: Scott's for the smallest sample.
The difference is -ln of the ratio of two densities that each integrate to 1, so it does not depend on the sizes
of the samples. The error is the standard deviation when the micrographs of each sample are drawn again with replacement.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_matrix

from gem_plugin.errors import InputError
from gem_plugin.landscape.free_energy import MARGIN_IN_BANDWIDTHS, MINIMUM_PARTICLES

N_CELLS = 60  # along each axis
N_DRAWS = 100
MINIMUM_PARTICLES_OF_A_SAMPLE = 10
LIMITS = (
    0.001,
    0.999,
)  # quantiles of the coordinates, between which the plane lies: a few far particles would fill it


@dataclass(frozen=True, eq=False)
class SampleEnergies:
    """Energies of s samples on one grid, and of p pairs the second less the first, all in kT; NaN where too few were seen."""

    x_centres: np.ndarray  # (nx,)
    y_centres: np.ndarray  # (ny,)
    energies: np.ndarray  # (s, ny, nx): zero where any sample is densest
    errors: np.ndarray  # (s, ny, nx): standard deviation
    pairs: np.ndarray  # (p, 2) int64: samples from 0
    differences: np.ndarray  # (p, ny, nx)
    difference_errors: np.ndarray  # (p, ny, nx): standard deviation


def estimate_sample_energies(
    points: np.ndarray,  # (n, 2)
    samples: np.ndarray,  # (n,) int64 from 1; 0: none
    groups: np.ndarray,  # (n,) int64: rows of one micrograph are drawn together
    pairs: Sequence[tuple[int, int]],  # samples from 0
    generator: np.random.Generator,
    bandwidth_factor: float = 1.0,  # times Scott's
) -> SampleEnergies:
    """Energies of every sample and differences of the pairs, on a grid that nearly all points are in."""
    chosen = samples > 0
    points, samples, groups = points[chosen], samples[chosen] - 1, groups[chosen]
    sizes = np.bincount(samples)
    if len(sizes) < 2 or sizes.min() < MINIMUM_PARTICLES_OF_A_SAMPLE:
        raise InputError(
            f"Free energies of samples need at least {MINIMUM_PARTICLES_OF_A_SAMPLE} particles in each of two samples."
        )
    bandwidths = bandwidth_factor * _standard_deviations(points) * sizes.min() ** (-1 / 6)
    if not (bandwidths > 0).all():
        raise InputError("All particles have the same coordinate: there is no free energy along it.")
    edges = [_edges(points[:, axis], bandwidths[axis]) for axis in range(2)]
    cell_sizes = np.array([edge[1] - edge[0] for edge in edges])
    sigmas = (bandwidths / cell_sizes)[::-1]  # rows are y
    cells = _cells(points, edges)
    of_samples = [
        _draws(cells[samples == sample], groups[samples == sample], sigmas, generator)
        for sample in range(len(sizes))
    ]
    return _energies(of_samples, sizes, edges, sigmas, list(pairs))


def _standard_deviations(points: np.ndarray) -> np.ndarray:  # (2,)
    """Of the points within the limits."""
    low, high = np.quantile(points, LIMITS, axis=0)
    return np.clip(points, low, high).std(axis=0)


def _edges(values: np.ndarray, bandwidth: float) -> np.ndarray:
    low, high = np.quantile(values, LIMITS)
    return np.linspace(
        low - MARGIN_IN_BANDWIDTHS * bandwidth, high + MARGIN_IN_BANDWIDTHS * bandwidth, N_CELLS + 1
    )


def _cells(points: np.ndarray, edges: list[np.ndarray]) -> np.ndarray:  # (n,) int64; -1: outside
    columns, rows = (
        np.searchsorted(edge, points[:, axis], side="right") - 1 for axis, edge in enumerate(edges)
    )
    is_inside = (columns >= 0) & (columns < N_CELLS) & (rows >= 0) & (rows < N_CELLS)
    return np.where(is_inside, rows * N_CELLS + columns, -1)


def _draws(
    cells: np.ndarray, groups: np.ndarray, sigmas: np.ndarray, generator: np.random.Generator
) -> np.ndarray:  # (1 + draws, ny, nx): smoothed fractions per cell, of the sample itself first
    _, which = np.unique(groups, return_inverse=True)
    which = which.reshape(-1)
    n_groups = int(which.max()) + 1
    inside = cells >= 0
    counts = coo_matrix(
        (np.ones(inside.sum()), (which[inside], cells[inside])), (n_groups, N_CELLS**2)
    ).tocsr()
    times = generator.multinomial(n_groups, np.full(n_groups, 1 / n_groups), N_DRAWS)
    times = np.concatenate([np.ones((1, n_groups)), times])
    sizes = times @ np.bincount(which)
    drawn = (times @ counts) / sizes[:, None]
    return np.array(
        [gaussian_filter(one.reshape(N_CELLS, N_CELLS), sigmas, mode="constant") for one in drawn]
    )


def _energies(
    of_samples: list[np.ndarray],
    sizes: np.ndarray,
    edges: list[np.ndarray],
    sigmas: np.ndarray,
    pairs: list[tuple[int, int]],
) -> SampleEnergies:
    fractions = np.array(of_samples)  # (s, 1 + draws, ny, nx)
    kernel = 2 * np.pi * sigmas.prod()
    is_known = fractions[:, 0] * sizes[:, None, None] * kernel >= MINIMUM_PARTICLES
    logarithms = -np.log(np.maximum(fractions, 1e-12 * fractions.max()))
    logarithms -= logarithms[:, 0].min()
    differences = np.array([logarithms[second] - logarithms[first] for first, second in pairs])
    both_known = np.array([is_known[first] & is_known[second] for first, second in pairs])
    return SampleEnergies(
        x_centres=(edges[0][1:] + edges[0][:-1]) / 2,
        y_centres=(edges[1][1:] + edges[1][:-1]) / 2,
        energies=np.where(is_known, logarithms[:, 0], np.nan),
        errors=np.where(is_known, logarithms[:, 1:].std(axis=1), np.nan),
        pairs=np.array(pairs, np.int64),
        differences=np.where(both_known, differences[:, 0], np.nan),
        difference_errors=np.where(both_known, differences[:, 1:].std(axis=1), np.nan),
    )
