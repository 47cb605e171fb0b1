"""Whether the means of two samples differ, by permuting which of their groups (micrographs) belongs to which.

The statistic is the difference of the means over its standard error, computed anew for each permutation, so that samples may
have different sizes and variances (A. Janssen, Stat. Probab. Lett. 36, 9, 1997). Groups that hold particles of both samples are
compared within themselves: their two halves are exchanged or not.
"""

from math import lgamma, log
from typing import NamedTuple

import numpy as np

N_PERMUTATIONS = 9999
PERMUTATIONS_AT_ONCE = 500
ROUNDING = 1e-9  # by which a statistic may be below that of the samples themselves and still count as equal


class Units(NamedTuple):
    """What is exchanged between samples: the particles of one sample in one group."""

    groups: np.ndarray  # (units,) int64
    samples: np.ndarray  # (units,) int64 from 0


class PermutationTest(NamedTuple):
    """Two-sided p-values of k means."""

    p_values: np.ndarray  # (k,): of each alone
    corrected_p_values: np.ndarray  # (k,): that any of the k is so small by chance
    smallest: float  # p-value that the number of units allows


def permuted_p_values(
    sums: np.ndarray,  # (units, k): of the values over the particles of each unit
    sizes: np.ndarray,  # (units,): number of particles
    units: Units,
    pair: tuple[int, int],  # two samples
    generator: np.random.Generator,
) -> PermutationTest:
    """Test whether the mean values of two samples differ, for each of the k."""
    chosen = np.flatnonzero(np.isin(units.samples, pair))
    is_second = units.samples[chosen] == pair[1]
    moments = _moments(sums[chosen], sizes[chosen])
    observed = _statistics(is_second[None].astype(np.float64), moments, sums.shape[1])[0]
    order = np.argsort(-observed)
    n_reached, n_maxima_reached = np.zeros(len(observed)), np.zeros(len(observed))
    for start in range(0, N_PERMUTATIONS, PERMUTATIONS_AT_ONCE):
        n_here = min(PERMUTATIONS_AT_ONCE, N_PERMUTATIONS - start)
        permuted = _permuted(is_second, units.groups[chosen], n_here, generator)
        statistics = _statistics(permuted, moments, sums.shape[1])[:, order]
        maxima = np.maximum.accumulate(statistics[:, ::-1], axis=1)[:, ::-1]  # of this one and all below it
        n_reached += (statistics >= observed[order] - ROUNDING).sum(axis=0)
        n_maxima_reached += (maxima >= observed[order] - ROUNDING).sum(axis=0)
    p_values, corrected = np.empty(len(observed)), np.empty(len(observed))
    p_values[order] = (1 + n_reached) / (1 + N_PERMUTATIONS)
    corrected[order] = np.maximum.accumulate((1 + n_maxima_reached) / (1 + N_PERMUTATIONS))
    return PermutationTest(p_values, corrected, _smallest_p_value(is_second, units.groups[chosen]))


def _moments(sums: np.ndarray, sizes: np.ndarray) -> np.ndarray:  # (units, 3 k + 3)
    """What the statistics of any assignment are made of, around the mean of all units."""
    values = sums - sizes[:, None] * (sums.sum(axis=0) / sizes.sum())
    numbers = np.stack([sizes, sizes**2, np.ones(len(sizes))], axis=1)
    return np.concatenate([values, values**2, values * sizes[:, None], numbers], axis=1)


def _statistics(
    is_second: np.ndarray,  # (assignments, units) float64, 0 or 1
    moments: np.ndarray,
    n_values: int,
) -> np.ndarray:  # (assignments, k)
    """Difference of the means over its standard error, without sign; 0 where nothing varies."""
    of_second = is_second @ moments
    total = moments.sum(axis=0)
    (mean_1, variance_1), (mean_2, variance_2) = (
        _mean_and_variance(of_sample, n_values) for of_sample in (total - of_second, of_second)
    )
    difference, variance = np.abs(mean_2 - mean_1), variance_1 + variance_2
    smallest = np.finfo(np.float64).eps * (total[n_values : 2 * n_values] / total[-3] ** 2)
    return np.where(difference > 0, difference / np.sqrt(np.maximum(variance, smallest + 1e-300)), 0)


def _mean_and_variance(of_sample: np.ndarray, n_values: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the particles of a sample, and its variance between the units."""
    values, squares, products = (of_sample[:, n_values * i : n_values * (i + 1)] for i in range(3))
    size, size_squared, n_units = (of_sample[:, [column]] for column in (-3, -2, -1))
    mean = values / size
    scatter = np.maximum(squares - 2 * mean * products + mean**2 * size_squared, 0)
    return mean, scatter / size**2 * n_units / np.maximum(n_units - 1, 1)


def _shared_pairs(is_second: np.ndarray, groups: np.ndarray) -> np.ndarray:  # (pairs, 2)
    """The units of groups that hold both samples, first and second."""
    order = np.lexsort((is_second, groups))
    together = np.flatnonzero(np.diff(groups[order]) == 0)
    return np.stack([order[together], order[together + 1]], axis=1)


def _permuted(
    is_second: np.ndarray, groups: np.ndarray, n_permutations: int, generator: np.random.Generator
) -> np.ndarray:  # (n_permutations, units) float64
    """Samples of units that are alone in their group are permuted among those; of two in one group, exchanged or not."""
    permuted = np.empty((n_permutations, len(is_second)))
    pairs = _shared_pairs(is_second, groups)
    alone = np.setdiff1d(np.arange(len(is_second)), pairs)
    labels = np.broadcast_to(is_second[alone].astype(np.float64), (n_permutations, len(alone)))
    permuted[:, alone] = generator.permuted(labels, axis=1)
    flips = generator.integers(0, 2, (n_permutations, len(pairs)))
    permuted[:, pairs[:, 0]], permuted[:, pairs[:, 1]] = flips, 1 - flips
    return permuted


def _smallest_p_value(is_second: np.ndarray, groups: np.ndarray) -> float:
    """1 over the number of permutations, of which two give the same absolute difference where the samples can be exchanged."""
    pairs = _shared_pairs(is_second, groups)
    n_alone = len(is_second) - 2 * len(pairs)
    n_second = int(is_second.sum()) - len(pairs)
    logarithm = (
        lgamma(n_alone + 1) - lgamma(n_second + 1) - lgamma(n_alone - n_second + 1) + len(pairs) * log(2)
    )
    n_equal = 2 if 2 * n_second == n_alone else 1
    return max(1 / (1 + N_PERMUTATIONS), min(1.0, n_equal * np.exp(-logarithm)))
