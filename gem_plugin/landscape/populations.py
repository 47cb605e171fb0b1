"""How many particles are in each state, by maximum likelihood over all particles, with errors.

Counting labels is biased where states overlap in the latents' uncertainty: the larger state loses more particles to the smaller one
than it gains. Here no particle is assigned. The density of the conformations is a sum of narrow kernels at support points, a
few to each state, with weights that make the images most likely (the non-parametric mixing distribution of J. Kiefer and
J. Wolfowitz, Ann. Math. Stat. 27, 887, 1956, on given points); the fraction of a state is the sum of the weights of its points.

Posterior N(m, s^2) and prior N(0, 1) of a latent give the likelihood of the image, up to a factor, as posterior / prior: a normal
around m / r with the variance s^2 / r, where r = 1 - s^2. A latent with s of 1 or more says nothing. Support points are
therefore means of cells of m, divided by r. Each kernel has the variance that the latents have within the cells beyond their
uncertainty, so that conformations within a state do not count as differences between states.

The errors come from drawing micrographs again with replacement, all particles of a micrograph together. A drawn sample changes the
gradient of the likelihood; its maximum is found with the curvature of all particles (one Newton step within the limits), so that
a thousand samples cost no more passes over the particles. Given are: states, support points and the posteriors.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.cluster.vq import kmeans2

from gem_plugin.errors import InputError
from gem_plugin.landscape.mixing_weights import draw_weights, fit_weights, scores_of_groups
from gem_plugin.landscape.state_axes import axes_between_states

N_SUPPORT_POINTS = 160  # of all states together, in the finest cells
MINIMUM_POINTS, MAXIMUM_POINTS = 4, 12  # of a state
PARTICLES_PER_POINT = 200  # at most so many of a state are looked at to place its points
N_LOOKED_AT = 50_000  # particles by which the axes between states are found
MINIMUM_INFORMATION = 0.02  # mean of 1 - s^2 below which a latent says nothing about any particle
LARGEST_STRETCH = 20.0  # of the means, where r is small
SMALLEST_NOISE = 1e-3  # latent units
N_BLOCKS = 2000  # most groups that are drawn; more are joined at random, which changes no variance
N_FITS = 4  # with support points of their own, so that the errors contain their choice
LARGEST_TOGETHER = 200_000  # particles; of more, each fit takes the micrographs of a quarter
MINIMUM_BLOCKS = 10  # micrographs of a fit
N_DRAWS = 1000  # of all fits together
CONFIDENCE = 0.9
LEAST_LIKELIHOOD = 1e-17  # of the largest: no product of two is a subnormal number, which takes Intel's processors 100 times as long
ROWS_AT_ONCE = 1 << 16


class Posteriors(NamedTuple):
    """What is known of the latents of each particle."""

    means: np.ndarray  # (n, latent_size)
    standard_deviations: np.ndarray  # (n, latent_size); the prior is standard normal


@dataclass(frozen=True, eq=False)
class Populations:
    """Fractions of k states; index i is state i + 1. The limits are those of the 90 % interval."""

    counted: np.ndarray  # (k,) fractions by counting labels
    fractions: np.ndarray  # (k,) by maximum likelihood; they sum to 1
    lower: np.ndarray  # (k,)
    upper: np.ndarray  # (k,)
    energies_in_kt: (
        np.ndarray
    )  # (k,): -ln of the ratio to the fraction of the largest state; inf where it is 0
    energy_errors_in_kt: (
        np.ndarray
    )  # (k,) standard deviation; NaN where the fraction is not distinguished from 0
    n_groups: np.ndarray  # (k,) int64: how many of the drawn groups hold particles counted in the state
    largest_influence: float  # 0 to 1: the fraction of the variance of any state that is from one group


def estimate_populations(
    posteriors: Posteriors | None,  # None: nothing is known of the uncertainty, and labels are drawn
    labels: np.ndarray,  # (n,) int64 from 1; 0: not counted
    groups: np.ndarray,  # (n,) int64: rows of one micrograph have one number
    generator: np.random.Generator,
    weights: np.ndarray | None = None,  # (n,): 1 over the number of views of the particle
) -> Populations:
    """Fractions of the states with 90 % intervals, and the differences of their free energies in kT.

    Raises InputError where no particle has a state, or the arrays have different lengths.
    """
    rows = np.flatnonzero(labels > 0)
    check_lengths(posteriors, labels, groups, weights)
    n_states = int(labels.max())
    states = labels[rows] - 1
    counts = np.ones(len(rows)) if weights is None else weights[rows].astype(np.float64)
    counted = np.bincount(states, counts, n_states) / counts.sum()
    _, which = np.unique(groups[rows], return_inverse=True)
    which = which.reshape(-1)
    n_groups = _groups_of_states(states, which, n_states)
    blocks = _blocks(which, generator)
    are_apart = posteriors is not None and _are_fitted_apart(blocks)
    if posteriors is None:
        one_state_each = np.eye(n_states, dtype=np.float32)[states]
        fits = [
            fit_states(
                StateModel(one_state_each, np.arange(n_states), n_states), counts, blocks, N_DRAWS, generator
            )
        ]
    else:
        means, information = across_borders(posteriors, rows, states, generator)
        fits = []
        for part in _parts(blocks, are_apart):
            model = model_of_states(means[part], information[part], states[part], n_states, generator)
            fits.append(fit_states(model, counts[part], blocks[part], N_DRAWS // N_FITS, generator))
    fractions, drawn = mean_of_fits(fits, are_apart, generator)
    lower, upper = interval_of(fractions, drawn)
    energies, errors = _energies(fractions, drawn)
    influence = max(fit.largest_influence for fit in fits)
    return Populations(counted, fractions, lower, upper, energies, errors, n_groups, influence)


def _are_fitted_apart(blocks: np.ndarray) -> bool:
    return len(blocks) > LARGEST_TOGETHER and int(blocks.max()) + 1 >= N_FITS * MINIMUM_BLOCKS


def _parts(blocks: np.ndarray, are_apart: bool) -> list[np.ndarray | slice]:
    """The rows of each fit: all of them, or in large sets a quarter of the micrographs each."""
    if not are_apart:
        return [slice(None)] * N_FITS
    return [np.flatnonzero(blocks % N_FITS == part) for part in range(N_FITS)]


def mean_of_fits(
    fits: list["FitOfStates"], are_apart: bool, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:  # (k,), (draws, k)
    """The mean of the fits, and samples that also contain how the fits differ by their support points."""
    each = np.array([fit.fractions for fit in fits])
    if not are_apart:
        return each.mean(axis=0), np.concatenate([fit.drawn for fit in fits])
    drawn = np.mean([fit.drawn for fit in fits], axis=0)
    by_chance = np.mean([fit.drawn.var(axis=0) for fit in fits], axis=0)
    excess = np.sqrt(np.maximum(each.var(axis=0, ddof=1) - by_chance, 0))
    drawn = np.maximum(drawn + excess * generator.normal(size=drawn.shape), 0)
    return each.mean(axis=0), drawn / drawn.sum(axis=1, keepdims=True)


class StateModel(NamedTuple):
    likelihoods: (
        np.ndarray
    )  # (m, points) float32: of every particle at every point, up to a factor of the particle
    state_of_point: np.ndarray  # (points,) int64 from 0
    n_states: int


class FitOfStates(NamedTuple):
    fractions: np.ndarray  # (k,)
    drawn: np.ndarray  # (draws, k)
    largest_influence: float


def fit_states(
    model: StateModel, counts: np.ndarray, blocks: np.ndarray, n_draws: int, generator: np.random.Generator
) -> FitOfStates:
    """Weights of the points by all particles and by samples of them, summed over the points of each state."""
    fitted = fit_weights(model.likelihoods, counts)
    scores, sizes = scores_of_groups(model.likelihoods, counts, fitted.weights, blocks)
    of_states = np.eye(model.n_states)[model.state_of_point]  # (points, k)
    drawn = draw_weights(fitted, scores, sizes, n_draws, generator) @ of_states
    influence = _largest_influence((scores * fitted.weights) @ of_states, sizes)
    return FitOfStates(fitted.weights @ of_states, drawn, influence)


def check_lengths(
    posteriors: Posteriors | None, labels: np.ndarray, groups: np.ndarray, weights: np.ndarray | None
) -> None:
    if not (labels > 0).any():
        raise InputError("No particle has a state, so there are no fractions of states. Run landscape first.")
    others = [groups, *(() if weights is None else (weights,)), *(posteriors or ())]
    lengths = [len(array) for array in (labels, *others)]
    if len(set(lengths)) > 1:
        raise InputError(
            f"States, groups and latents are of {', '.join(map(str, lengths))} particles; expected equal numbers. "
            "Run landscape again after training."
        )


def _groups_of_states(states: np.ndarray, groups: np.ndarray, n_states: int) -> np.ndarray:  # (k,) int64
    different = np.unique(states + n_states * groups.astype(np.int64))
    return np.bincount(different % n_states, minlength=n_states)


def _blocks(groups: np.ndarray, generator: np.random.Generator) -> np.ndarray:  # (n,) int64
    """The groups, joined at random into blocks where they are many."""
    n_groups = int(groups.max()) + 1
    if n_groups <= N_BLOCKS:
        return groups
    return generator.permutation(np.arange(n_groups) % N_BLOCKS)[groups]


def model_of_states(
    means: np.ndarray,  # (m, q)
    information: np.ndarray,  # (m, q)
    states: np.ndarray,  # (m,) from 0
    n_states: int,
    generator: np.random.Generator,
) -> StateModel:
    """Support points of all states, and the likelihoods there."""
    points, state_of_point, variances = _support(means, information, states, n_states, generator)
    likelihoods = np.empty((len(means), len(points)), np.float32)
    for chunk in row_chunks(len(means)):
        likelihoods[chunk] = _at_points(points, variances, means[chunk], information[chunk])
    return StateModel(likelihoods, state_of_point, n_states)


def _at_points(
    points: np.ndarray,  # (points, q)
    variances: np.ndarray,  # (q,)
    means: np.ndarray,  # (m, q)
    information: np.ndarray,  # (m, q)
) -> np.ndarray:  # (m, points)
    """Likelihood at the points, the largest of each particle being 1, and those below LEAST_LIKELIHOOD 0."""
    noise = 1 - information + information * variances.astype(np.float32)  # r times the variance of m / r
    precision, line = information / noise, np.where(information > 0, means / noise, 0)
    exponent = precision @ (-0.5 * points**2).T.astype(np.float32) + line @ points.T.astype(np.float32)
    exponent -= exponent.max(axis=1, keepdims=True)
    likelihoods = np.exp(exponent, out=exponent)
    likelihoods[likelihoods < LEAST_LIKELIHOOD] = 0
    return likelihoods


def across_borders(
    posteriors: Posteriors, rows: np.ndarray, states: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:  # (m, q) float32 each: means along the axes between states, and 1 - s^2
    """The posteriors along the axes that separate states; all else is integrated over with the prior."""
    looked_at = generator.choice(len(rows), min(len(rows), N_LOOKED_AT), replace=False)
    r = _information(posteriors.standard_deviations[rows[looked_at]])
    informative = np.flatnonzero(r.mean(axis=0) >= MINIMUM_INFORMATION)
    noise = np.sqrt(np.maximum((r * (1 - r)).mean(axis=0), SMALLEST_NOISE**2))[informative]
    axes = np.zeros((len(informative), 0))
    if len(informative):
        axes = axes_between_states(
            posteriors.means[rows[looked_at]][:, informative], noise, states[looked_at], generator
        )
    means = np.empty((len(rows), axes.shape[1]), np.float32)
    information = np.empty_like(means)
    for chunk in row_chunks(len(rows)):
        here = rows[chunk]
        means[chunk] = posteriors.means[here][:, informative] @ axes
        information[chunk] = _information(posteriors.standard_deviations[here][:, informative]) @ axes**2
    return means, information


def _information(deviations: np.ndarray) -> np.ndarray:
    """1 - s^2: 0 where the images say nothing of the latent, 1 where they say all."""
    return np.clip(1 - deviations.astype(np.float32) ** 2, 0, 1 - 1e-6)


def _support(
    means: np.ndarray,  # (m, q)
    information: np.ndarray,  # (m, q)
    states: np.ndarray,  # (m,) from 0
    n_states: int,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # (points, q), (points,), (q,): variance of the kernels
    """Cells of each state by k-means, and what scatter within them the uncertainty does not explain."""
    n_points = int(np.clip(N_SUPPORT_POINTS // n_states, MINIMUM_POINTS, MAXIMUM_POINTS))
    points, state_of_point = [], []
    scatter, norm = np.zeros(means.shape[1]), np.zeros(means.shape[1])
    for state in range(n_states):
        members = np.flatnonzero(states == state)
        looked_at = min(len(members), n_points * PARTICLES_PER_POINT)
        members = generator.choice(members, looked_at, replace=False)
        mean, r = means[members].astype(np.float64), information[members].astype(np.float64)
        for cell in _cells(mean, n_points, generator):
            point = mean[cell].mean(axis=0) / np.maximum(r[cell].mean(axis=0), 1 / LARGEST_STRETCH)
            points.append(point)
            state_of_point.append(state)
            excess = (mean[cell] - r[cell] * point) ** 2 - r[cell] * (1 - r[cell])
            scatter += (r[cell] ** 2 * excess).sum(axis=0)
            norm += (r[cell] ** 4).sum(axis=0)
    variances = np.maximum(scatter / np.maximum(norm, np.finfo(np.float64).tiny), 0)
    return np.array(points), np.array(state_of_point), variances


def _cells(means: np.ndarray, n_cells: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Rows of each cell of k-means clusterings into 1, n / 4 and n cells; cells that stay empty are left out."""
    everything = np.arange(len(means))
    if len(means) <= n_cells or not (means.std(axis=0) > 0).any():
        return [everything] if len(means) else []
    cells = [everything]
    for n in (max(2, n_cells // 4), n_cells):
        _, labels = kmeans2(means, n, iter=10, minit="++", seed=generator, missing="warn")
        cells += [np.flatnonzero(labels == cell) for cell in np.unique(labels)]
    return cells


def interval_of(fractions: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles of the drawn fractions; they contain the fraction itself."""
    tail = (1 - CONFIDENCE) / 2
    lower, upper = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return np.minimum(lower, fractions), np.maximum(upper, fractions)


def _energies(fractions: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """-ln of the ratio to the largest state, and its standard deviation over the samples."""
    largest = int(fractions.argmax())
    with np.errstate(divide="ignore", invalid="ignore"):
        energies = -np.log(fractions / fractions[largest])
        samples = -np.log(drawn / drawn[:, [largest]])
        errors = np.where(np.isfinite(samples).all(axis=0), samples.std(axis=0), np.nan)
    return np.abs(energies), errors


def _largest_influence(of_groups: np.ndarray, sizes: np.ndarray) -> float:
    """The largest fraction that one group has of the variance of a state, by the particles expected in each state."""
    fractions = of_groups.sum(axis=0) / sizes.sum()
    squares = (of_groups - sizes[:, None] * fractions) ** 2
    totals = squares.sum(axis=0)
    return float((squares.max(axis=0)[totals > 0] / totals[totals > 0]).max(initial=0))


def row_chunks(n_rows: int) -> list[slice]:
    return [slice(start, start + ROWS_AT_ONCE) for start in range(0, n_rows, ROWS_AT_ONCE)]
