"""States of the subunits of one particle together: how often each combination occurs, and whether subunits are independent.

A physical particle of a symmetric complex has one view for each subunit, and each view has a state. Only complete particles
count, all of whose subunits have a state: of the others the missing ones may have been chosen by their state.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

MAXIMUM_PATTERNS = 2000  # of all possible ones, to list those too that do not occur
MAXIMUM_PARTICLES_SHUFFLED = 100_000
LABELS_SHUFFLED = 2e8
MAXIMUM_CODE = 2**62  # of a pattern as one number
FEWEST_SHUFFLES, MOST_SHUFFLES = 199, 1999
MINIMUM_COMPLETE = 2


@dataclass(frozen=True, eq=False)
class SubunitCounts:
    """p physical particles in the order of their first views, and s states."""

    first_rows: np.ndarray  # (p,) int64: row of the first view
    counts: np.ndarray  # (p, s) int64: subunits in states 1 to s
    n_views: np.ndarray  # (p,) int64: views, with a state or without
    n_subunits: int  # of a complete particle

    @property
    def is_complete(self) -> np.ndarray:  # (p,) bool
        """Whether all subunits are there and have a state."""
        return self.counts.sum(axis=1) == self.n_subunits


@dataclass(frozen=True)
class Pattern:
    """A combination of states of the subunits of one particle, whichever subunit has which."""

    counts: tuple[int, ...]  # subunits in states 1 to s
    observed: int  # complete particles
    expected: float  # if subunits were independent
    error: float  # standard deviation of the number observed, if they were

    @property
    def z_score(self) -> float:
        """How far the number is from that expected, in its standard deviation."""
        return (self.observed - self.expected) / self.error if self.error > 0 else 0.0


@dataclass(frozen=True)
class Cooperativity:
    """Correlation of the states of two subunits of one particle.

    0: independent, 1: all subunits of a particle in one state, negative: subunits differ more than by chance.
    """

    value: float
    standard_error: float
    p_value: float  # two-sided, by shuffling states over the particles
    n_shuffles: int
    n_particles: int  # complete ones


def count_subunits(
    particle_indices: np.ndarray,  # (n,): rows of one number are views of one particle
    states: np.ndarray,  # (n,) from 1; 0: none
    n_states: int,
    n_subunits: int | None = None,  # default: the largest number of views of a particle
) -> SubunitCounts:
    """For each physical particle the number of its subunits in each state."""
    _, first, which = np.unique(particle_indices, return_index=True, return_inverse=True)
    which = which.reshape(-1)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    which = rank[which]
    cells = np.bincount(which * (n_states + 1) + states, minlength=len(order) * (n_states + 1))
    counts = cells.reshape(len(order), n_states + 1)
    n_views = counts.sum(axis=1)
    return SubunitCounts(first[order], counts[:, 1:], n_views, n_subunits or int(n_views.max(initial=0)))


def find_patterns(subunits: SubunitCounts) -> list[Pattern]:
    """All combinations, the most frequent ones first; those that do not occur only where they are few.

    Expected is the mean over all ways to deal the states out to the particles, each state as often as it is
    (multivariate hypergeometric; for many particles the multinomial of the fractions of the states).
    """
    counts = subunits.counts[subunits.is_complete]
    n_particles, n_subunits = len(counts), subunits.n_subunits
    if n_particles == 0:
        return []
    totals = counts.sum(axis=0)
    found, observed = _different_rows(counts, n_subunits)
    numbers = {tuple(row): number for row, number in zip(found.tolist(), observed.tolist())}
    n_states = len(totals)
    if math.comb(n_subunits + n_states - 1, n_subunits) <= MAXIMUM_PATTERNS:
        for states in itertools.combinations_with_replacement(range(n_states), n_subunits):
            pattern = tuple(np.bincount(np.array(states, dtype=np.int64), minlength=n_states).tolist())
            numbers.setdefault(pattern, 0)
    patterns = np.array(list(numbers), dtype=np.int64)
    chances = _chances(patterns, totals, n_subunits)
    made = [
        Pattern(
            pattern,
            number,
            n_particles * chance,
            math.sqrt(max(0.0, n_particles * chance * (1 - chance))),
        )
        for (pattern, number), chance in zip(numbers.items(), chances.tolist())
    ]
    return sorted(made, key=lambda one: (-one.observed, -one.expected, one.counts))


def _different_rows(counts: np.ndarray, n_subunits: int) -> tuple[np.ndarray, np.ndarray]:
    """The different rows, and how often each occurs; rows as the digits of one number where it has room."""
    base, n_states = n_subunits + 1, counts.shape[1]
    if base**n_states >= MAXIMUM_CODE:
        return np.unique(counts, axis=0, return_counts=True)
    codes = counts @ (base ** np.arange(n_states, dtype=np.int64))
    _, first, observed = np.unique(codes, return_index=True, return_counts=True)
    return counts[first], observed


def _chances(
    patterns: np.ndarray,  # (k, s)
    totals: np.ndarray,  # (s,) subunits of all particles in each state
    n_subunits: int,
) -> np.ndarray:  # (k,) that a particle has the pattern
    """Multivariate hypergeometric probabilities."""

    def log_binomials(of: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        possible = chosen <= of
        values = gammaln(of + 1) - gammaln(chosen + 1) - gammaln(np.where(possible, of - chosen, 0) + 1)
        return np.where(possible, values, -np.inf)

    ways = log_binomials(np.broadcast_to(totals, patterns.shape), patterns).sum(axis=1)
    return np.exp(ways - log_binomials(np.array(totals.sum()), np.array(n_subunits)))


def measure_cooperativity(subunits: SubunitCounts, generator: np.random.Generator) -> Cooperativity | None:
    """The correlation of two subunits of a particle, its error, and the chance of as much if they were independent.

    (P - E) / (1 - E), where P is the fraction of pairs of subunits of one particle that are in one state, and E that of all
    pairs (Fleiss' kappa, 1971, with pairs drawn without replacement, so that its mean is 0 for independent subunits).
    The standard error is that over particles, by the influence of each. None where all subunits are in one state, or
    particles have one subunit.
    """
    counts = subunits.counts[subunits.is_complete]
    if len(counts) < MINIMUM_COMPLETE or subunits.n_subunits < 2 or (counts.sum(axis=0) > 0).sum() < 2:
        return None
    value = _correlation(counts)
    chosen = counts
    if len(counts) > MAXIMUM_PARTICLES_SHUFFLED:  # a test of fewer particles is a valid one, if less sharp
        chosen = counts[np.sort(generator.choice(len(counts), MAXIMUM_PARTICLES_SHUFFLED, replace=False))]
    shuffled = _correlations_of_shuffled(chosen, generator)
    observed = _correlation(chosen)
    n_as_far = int((np.abs(shuffled) >= abs(observed) - 1e-12).sum())
    return Cooperativity(
        value=value,
        standard_error=_standard_error(counts),
        p_value=(1 + n_as_far) / (1 + len(shuffled)),
        n_shuffles=len(shuffled),
        n_particles=len(counts),
    )


def _correlation(counts: np.ndarray) -> float:
    expected = _expected_agreement(counts.sum(axis=0))
    return (float(_agreements(counts).mean()) - expected) / (1 - expected)


def _agreements(counts: np.ndarray) -> np.ndarray:  # (p, s) -> (p,)
    """The fraction of pairs of subunits of each particle that are in one state."""
    n_subunits = counts[0].sum()
    return (counts * (counts - 1)).sum(axis=1) / (n_subunits * (n_subunits - 1))


def _expected_agreement(totals: np.ndarray) -> float:
    totals = totals.astype(np.float64)
    n_labels = totals.sum()
    return float((totals * (totals - 1)).sum() / (n_labels * (n_labels - 1)))


def _standard_error(counts: np.ndarray) -> float:
    """Standard deviation of the influences of the particles, over the root of their number."""
    fractions = counts / counts.sum(axis=1, keepdims=True)
    agreements, expected = _agreements(counts), _expected_agreement(counts.sum(axis=0))
    of_expected = 2 * (fractions - fractions.mean(axis=0)) @ fractions.mean(axis=0)
    of_agreement = agreements - agreements.mean()
    influences = of_agreement / (1 - expected) - (1 - agreements.mean()) / (1 - expected) ** 2 * of_expected
    return float(influences.std(ddof=1) / math.sqrt(len(counts)))


def _correlations_of_shuffled(counts: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The same number for states that are dealt out anew to all particles."""
    n_particles, n_states = counts.shape
    totals = counts.sum(axis=0)
    labels = np.repeat(np.arange(n_states, dtype=np.int16), totals)
    n_shuffles = int(np.clip(LABELS_SHUFFLED / len(labels), FEWEST_SHUFFLES, MOST_SHUFFLES))
    offsets = np.repeat(np.arange(n_particles) * n_states, len(labels) // n_particles)
    expected = _expected_agreement(totals)
    found = np.empty(n_shuffles)
    for index in range(n_shuffles):
        cells = np.bincount(offsets + generator.permutation(labels), minlength=n_particles * n_states)
        found[index] = (_agreements(cells.reshape(n_particles, n_states)).mean() - expected) / (1 - expected)
    return found
