"""Whether particles of one state lie together in their tomograms: their nearest neighbours against chance, and distances.

Chance is the same positions with the states permuted within each tomogram: it keeps how dense particles lie and how many of each
state a tomogram has, and loses only which particle has which. Nothing here knows files.
"""

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

N_NEIGHBOURS = 6  # of a particle, in the same tomogram
N_PERMUTATIONS = 499
PERMUTED_DISTANCES = 4_000_000  # particles x states x permutations: about two seconds of searches
FEWEST_PERMUTATIONS_OF_DISTANCES, MOST_PERMUTATIONS_OF_DISTANCES = 3, 50
N_DRAWN = 400  # sets of tomograms, for the error
MINIMUM_TOMOGRAMS = 10  # fewer, drawn with replacement, say little about an error
ROUNDING = 1e-9


class NeighbouringStates(NamedTuple):
    """Of s states; index i is state i + 1. NaN where a state has no particle with a neighbour."""

    n_particles: np.ndarray  # (s,) int64: particles that have a neighbour in their tomogram
    fractions: np.ndarray  # (s,): of the nearest neighbours of its particles, those of the same state; mean
    errors: (
        np.ndarray
    )  # (s,): standard error by drawing tomograms again; NaN where fewer than ten have the state
    chance: np.ndarray  # (s,): the same with permuted states, mean
    chance_errors: np.ndarray  # (s,): standard deviation over permutations
    p_values: np.ndarray  # (s,): two-sided, that any of the states is so far from chance
    distances_in_angstroms: np.ndarray  # (s, s): row to column, median distance to the nearest other particle
    chance_distances_in_angstroms: np.ndarray  # (s, s): the same with permuted states, mean
    n_neighbours: int
    n_tomograms: int  # with two particles or more


def neighbouring_states(
    positions_in_angstroms: np.ndarray,  # (n, 3), in the frame of the particle's tomogram
    tomograms: np.ndarray,  # (n,) numbers or names
    states: np.ndarray,  # (n,) int64 from 1; 0, or a position that is not finite: does not count
    n_states: int,
    generator: np.random.Generator,
    n_neighbours: int = N_NEIGHBOURS,
) -> NeighbouringStates | None:
    """Compare neighbours with chance; None where no tomogram has two particles that count."""
    counts = (states > 0) & np.isfinite(positions_in_angstroms).all(axis=1)
    particles = _in_order(positions_in_angstroms[counts], tomograms[counts], states[counts])
    if particles is None:
        return None
    pairs = _pairs(particles, n_neighbours)
    labels = particles.states
    sizes = np.bincount(labels, minlength=n_states + 1)[1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        fractions = _sums(pairs, labels, n_states) / sizes
        permuted = np.stack(
            [
                _sums(pairs, labels[_permutation(particles, generator)], n_states) / sizes
                for _ in range(N_PERMUTATIONS)
            ]
        )
    return NeighbouringStates(
        sizes,
        fractions,
        _errors(particles, pairs, n_states, generator),
        permuted.mean(axis=0),
        permuted.std(axis=0, ddof=1),
        _p_values(fractions, permuted),
        _median_distances(particles, labels, n_states),
        _permuted_distances(particles, n_states, generator),
        n_neighbours,
        int(particles.tomograms[-1]) + 1,
    )


class _Particles(NamedTuple):
    """Those that have a neighbour, tomogram by tomogram."""

    positions: np.ndarray  # (n, 3)
    tomograms: np.ndarray  # (n,) int64 from 0, ascending
    states: np.ndarray  # (n,) int64 from 1
    edges: np.ndarray  # (tomograms + 1,): where each begins


def _in_order(positions: np.ndarray, tomograms: np.ndarray, states: np.ndarray) -> _Particles | None:
    _, numbers, sizes = np.unique(tomograms.astype(str), return_inverse=True, return_counts=True)
    numbers = numbers.reshape(-1)
    has_neighbour = sizes[numbers] > 1
    if not has_neighbour.any():
        return None
    order = np.flatnonzero(has_neighbour)
    order = order[np.argsort(numbers[order], kind="stable")]
    _, numbers = np.unique(numbers[order], return_inverse=True)
    edges = np.concatenate([[0], np.cumsum(np.bincount(numbers.reshape(-1)))])
    return _Particles(
        positions[order].astype(np.float64), numbers.reshape(-1), states[order].astype(np.int64), edges
    )


class _Pairs(NamedTuple):
    """Particles and their neighbours, by index."""

    particles: np.ndarray  # (m,)
    neighbours: np.ndarray  # (m,)
    weights: np.ndarray  # (m,): one over the number of neighbours of the particle


def _pairs(particles: _Particles, n_neighbours: int) -> _Pairs:
    """Small tomograms have fewer neighbours for each particle than asked for."""
    parts = []
    for first, last in zip(particles.edges, particles.edges[1:]):
        size = int(last - first)
        k = min(n_neighbours, size - 1)
        _, found = cKDTree(particles.positions[first:last]).query(particles.positions[first:last], k + 1)
        others = _without_self(found)
        parts.append((np.repeat(np.arange(first, last), k), first + others.ravel(), np.full(size * k, 1 / k)))
    return _Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _without_self(found: np.ndarray) -> np.ndarray:  # (n, k + 1) -> (n, k)
    """Neighbours of each particle but itself; of several at one position it may not be among the first."""
    is_self = found == np.arange(len(found))[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    return found[~is_self].reshape(len(found), -1)


def _sums(pairs: _Pairs, labels: np.ndarray, n_states: int) -> np.ndarray:  # (s,)
    """Over the particles of each state, their fractions of neighbours of the same state."""
    own = labels[pairs.particles]
    is_same = own == labels[pairs.neighbours]
    return np.bincount(own[is_same], pairs.weights[is_same], n_states + 1)[1:]


def _permutation(particles: _Particles, generator: np.random.Generator) -> np.ndarray:  # (n,)
    """Indices that exchange particles of one tomogram."""
    return np.argsort(particles.tomograms + generator.random(len(particles.tomograms)))


def _errors(
    particles: _Particles, pairs: _Pairs, n_states: int, generator: np.random.Generator
) -> np.ndarray:  # (s,)
    """Standard errors of the fractions by drawing tomograms again."""
    n_tomograms, labels = len(particles.edges) - 1, particles.states
    shape = n_tomograms, n_states + 1
    cells = particles.tomograms * shape[1] + labels
    is_same = labels[pairs.particles] == labels[pairs.neighbours]
    sums = np.bincount(cells[pairs.particles[is_same]], pairs.weights[is_same], shape[0] * shape[1])
    sums, sizes = sums.reshape(shape)[:, 1:], np.bincount(cells, minlength=shape[0] * shape[1])
    sizes = sizes.reshape(shape)[:, 1:]
    drawn = generator.multinomial(n_tomograms, np.full(n_tomograms, 1 / n_tomograms), N_DRAWN)
    with np.errstate(invalid="ignore", divide="ignore"):
        fractions = (drawn @ sums) / (drawn @ sizes)
    is_known = (sizes > 0).sum(axis=0) >= MINIMUM_TOMOGRAMS
    errors = np.full(n_states, np.nan)
    errors[is_known] = np.nanstd(fractions[:, is_known], axis=0, ddof=1)
    return errors


def _p_values(fractions: np.ndarray, permuted: np.ndarray) -> np.ndarray:  # (s,), (p, s) -> (s,)
    """Of the largest distance from chance over all states, in standard deviations; 1 where nothing can differ."""
    mean, deviation = permuted.mean(axis=0), permuted.std(axis=0, ddof=1)
    scale = np.where(deviation > ROUNDING, deviation, np.inf)
    observed = np.abs(np.nan_to_num((fractions - mean) / scale))
    largest = np.abs(np.nan_to_num((permuted - mean) / scale)).max(axis=1)
    reached = (largest[:, None] >= observed - ROUNDING).sum(axis=0)
    return (1 + reached) / (1 + len(permuted))


def _median_distances(particles: _Particles, labels: np.ndarray, n_states: int) -> np.ndarray:  # (s, s)
    """From the particles of each state to the nearest other one of each state; NaN where no tomogram has both."""
    nearest = np.full((len(labels), n_states), np.nan)
    for first, last in zip(particles.edges, particles.edges[1:]):
        positions, here = particles.positions[first:last], labels[first:last]
        for number in np.unique(here):
            members = here == number
            tree = cKDTree(positions[members])
            found = tree.query(positions, [1, 2])[0]  # the second of a member: the first is itself
            nearest[first:last, number - 1] = np.where(members, found[:, 1], found[:, 0])
    nearest[~np.isfinite(nearest)] = np.nan
    medians = np.full((n_states, n_states), np.nan)
    for number in np.unique(labels):
        of_state = nearest[labels == number]
        is_known = np.isfinite(of_state).any(axis=0)
        medians[number - 1, is_known] = np.nanmedian(of_state[:, is_known], axis=0)
    return medians


def _permuted_distances(
    particles: _Particles, n_states: int, generator: np.random.Generator
) -> np.ndarray:  # (s, s)
    affordable = PERMUTED_DISTANCES // (len(particles.states) * n_states)
    n_permutations = min(max(affordable, FEWEST_PERMUTATIONS_OF_DISTANCES), MOST_PERMUTATIONS_OF_DISTANCES)
    found = np.stack(
        [
            _median_distances(particles, particles.states[_permutation(particles, generator)], n_states)
            for _ in range(n_permutations)
        ]
    )
    is_known = np.isfinite(found).any(axis=0)
    means = np.full(found.shape[1:], np.nan)
    means[is_known] = np.nanmean(found[:, is_known], axis=0)
    return means
