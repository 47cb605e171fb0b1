"""Weights of a mixture of known components by maximum likelihood, and how they vary when groups of rows are drawn again.

The negative log-likelihood is convex in the weights. It is minimised by sequential quadratic programming, each step a
non-negative least-squares problem (Y. Kim, P. Carbonetto, M. Stephens and M. Anitescu, J. Comput. Graph. Stat. 29, 261, 2020).
Adding the sum of the weights to the mean negative log-likelihood makes them sum to 1 at the minimum.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import nnls
from threadpoolctl import threadpool_limits

ROWS_AT_ONCE = 1 << 15
ROWS_FOR_STEPS = 50_000  # about so many rows give the curvature of a step; the gradient is always that of all
N_EM_STEPS = 10  # before the quadratic steps
MAXIMUM_STEPS = 60
TOLERANCE = 1e-7  # nats per row that a step may still gain
RIDGE = 1e-6  # of the trace of the curvature, added to its diagonal: what rounding leaves undetermined
MAXIMUM_EXCHANGES = 20  # usual are two to five
ROUNDING = 1e-12  # of the largest slope
SMALLEST = 1e-30  # likelihood of a row


class FittedWeights(NamedTuple):
    """The maximum and the curvature there."""

    weights: np.ndarray  # (g,) float64, sum 1
    curvature: np.ndarray  # (g, g): second derivative of the mean negative log-likelihood


def fit_weights(
    likelihoods: np.ndarray,  # (n, g) float32, each row up to a factor of its own
    counts: np.ndarray,  # (n,): how often each row counts
) -> FittedWeights:
    """The weights that make the rows most likely."""
    weights = np.full(likelihoods.shape[1], 1 / likelihoods.shape[1])
    for _ in range(N_EM_STEPS):
        weights = weights * (1 - _derivatives(likelihoods, counts, weights, False)[1])
    every = max(1, len(likelihoods) // ROWS_FOR_STEPS)
    for _ in range(MAXIMUM_STEPS):
        value, gradient, curvature = _derivatives(likelihoods, counts, weights, True, every)
        target = nearest_minimum(weights, gradient, _with_ridge(curvature))
        step = target - weights
        gain = -float(gradient @ step)
        if gain < TOLERANCE:
            break
        weights = _line_search(likelihoods, counts, weights, step, value, gain)
    weights = weights / weights.sum()
    return FittedWeights(weights, _derivatives(likelihoods, counts, weights, True)[2])


def draw_weights(
    fitted: FittedWeights,
    scores: np.ndarray,  # (groups, g): of scores_of_groups
    sizes: np.ndarray,  # (groups,)
    n_draws: int,
    generator: np.random.Generator,
) -> np.ndarray:  # (n_draws, g)
    """Weights of samples of groups drawn with replacement: the minimum of the quadratic form around the fitted weights.

    With one thread: the systems of equations are so small that threads of BLAS wait for each other most of the time.
    """
    curvature = _with_ridge(fitted.curvature)
    n_groups = len(sizes)
    draws = np.empty((n_draws, len(fitted.weights)))
    with threadpool_limits(1, "blas"):
        for draw in draws:
            times = generator.multinomial(n_groups, np.full(n_groups, 1 / n_groups))
            gradient = 1 - times @ scores / (times @ sizes)
            draw[:] = nearest_minimum(fitted.weights, gradient, curvature)
    return draws / draws.sum(axis=1, keepdims=True)


def scores_of_groups(
    likelihoods: np.ndarray,
    counts: np.ndarray,
    weights: np.ndarray,
    groups: np.ndarray,  # (n,) int64
) -> tuple[np.ndarray, np.ndarray]:  # (groups, g), (groups,)
    """Sums over the rows of each group: of the derivatives of the log-likelihood, and of the counts."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(groups[order]) > 0])
    sizes = np.add.reduceat(counts[order], starts)
    scores = np.zeros((len(starts), likelihoods.shape[1]))
    number = np.cumsum(np.r_[True, np.diff(groups[order]) > 0]) - 1
    small = weights.astype(np.float32)
    for chunk in _chunks(len(order)):
        rows = order[chunk]
        part = likelihoods[rows]
        part = part * (counts[rows] / np.maximum(part @ small, SMALLEST)).astype(np.float32)[:, None]
        here = number[chunk]
        first = np.flatnonzero(np.r_[True, np.diff(here) > 0])
        np.add.at(scores, here[first], np.add.reduceat(part.astype(np.float64), first, axis=0))
    return scores, sizes


def _chunks(n_rows: int) -> Iterator[slice]:
    for start in range(0, n_rows, ROWS_AT_ONCE):
        yield slice(start, start + ROWS_AT_ONCE)


def _derivatives(
    likelihoods: np.ndarray, counts: np.ndarray, weights: np.ndarray, with_curvature: bool, every: int = 1
) -> tuple[float, np.ndarray, np.ndarray]:
    """Mean negative log-likelihood plus the sum of the weights, its gradient, and its curvature where that is asked for."""
    n_points = likelihoods.shape[1]
    value, gradient, curvature = 0.0, np.zeros(n_points), np.zeros((n_points, n_points))
    small = weights.astype(np.float32)
    for chunk in _chunks(len(likelihoods)):
        part, count = likelihoods[chunk], counts[chunk]
        mixed = np.maximum(part @ small, SMALLEST)
        value -= float(count @ np.log(mixed, dtype=np.float64))
        gradient -= (count / mixed).astype(np.float32) @ part
        if with_curvature:
            scaled = part[::every] * (np.sqrt(every * count) / mixed).astype(np.float32)[::every, None]
            curvature += scaled.T @ scaled
    total = counts.sum()
    return value / total + weights.sum(), 1 + gradient / total, curvature / total


def _with_ridge(curvature: np.ndarray) -> np.ndarray:  # (g, g)
    return curvature + RIDGE * np.trace(curvature) * np.eye(len(curvature))


def nearest_minimum(
    weights: np.ndarray,  # (g,) not negative
    gradient: np.ndarray,  # (g,) at the weights
    curvature: np.ndarray,  # (g, g) positive definite
) -> np.ndarray:  # (g,)
    """The non-negative minimum of the quadratic form with this gradient at the weights.

    Points that are zero there differ from those of the weights in a few only: from these, all that break a condition change
    sides at once until none does (L. F. Portugal, J. J. Judice and L. N. Vicente, Math. Comput. 63, 625, 1994). That can go in
    circles; then non-negative least squares begins anew.
    """
    line = curvature @ weights - gradient
    is_positive = weights > 0
    for _ in range(MAXIMUM_EXCHANGES):
        found = np.zeros(len(weights))
        found[is_positive] = np.linalg.solve(curvature[np.ix_(is_positive, is_positive)], line[is_positive])
        slope = curvature @ found - line
        is_wrong = np.where(is_positive, found < 0, slope < -ROUNDING * np.abs(line).max())
        if not is_wrong.any():
            return found
        is_positive = is_positive ^ is_wrong
    factor = np.linalg.cholesky(curvature).T
    return nnls(factor, solve_triangular(factor, line, trans="T"), maxiter=30 * len(weights))[0]


def _line_search(
    likelihoods: np.ndarray,
    counts: np.ndarray,
    weights: np.ndarray,
    step: np.ndarray,
    value: float,
    gain: float,
) -> np.ndarray:
    length = 1.0
    while length > 1e-4:
        tried = weights + length * step
        if _derivatives(likelihoods, counts, tried, False)[0] <= value - 0.1 * length * gain:
            break
        length /= 2
    return weights + length * step
