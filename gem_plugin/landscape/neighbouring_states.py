"""Whether particles of one state lie together in their tomograms: their nearest neighbours against chance, and distances.

Chance is the same positions with the states permuted within each tomogram: it keeps how dense particles lie and how many of each
state a tomogram has, and loses only which particle has which. Nothing here knows files.

Where several rows are views of one particle, as after symmetry expansion, views of one particle are no neighbours of each other: those
of the nearest other particles count, and permutations exchange whole particles, so that subunits that are alike are no neighbours' doing.
"""

from itertools import pairwise
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
    particle_indices: np.ndarray | None = None,  # (n,) int64: rows with one number are views of one particle
) -> NeighbouringStates | None:
    """Compare neighbours with chance; None where no tomogram has two particles that count."""
    counts = (states > 0) & np.isfinite(positions_in_angstroms).all(axis=1)
    owners = np.arange(len(states)) if particle_indices is None else particle_indices
    particles = _in_order(positions_in_angstroms[counts], tomograms[counts], states[counts], owners[counts])
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
    """Views of those that have a neighbour, tomogram by tomogram, particle by particle; a view each without symmetry."""

    positions: np.ndarray  # (n, 3)
    tomograms: np.ndarray  # (n,) int64 from 0, ascending
    states: np.ndarray  # (n,) int64 from 1
    edges: np.ndarray  # (tomograms + 1,): where each begins
    owners: np.ndarray  # (n,) int64 from 0, ascending: the particle of each view
    n_views: np.ndarray  # (particles,) int64, at least 1

    @property
    def first_views(self) -> np.ndarray:  # (particles,) int64
        return np.cumsum(self.n_views) - self.n_views


def _in_order(
    positions: np.ndarray, tomograms: np.ndarray, states: np.ndarray, owners: np.ndarray
) -> _Particles | None:
    numbers = np.unique(tomograms.astype(str), return_inverse=True)[1].reshape(-1)
    first = np.unique(owners, return_index=True)[1]
    has_neighbour = np.bincount(numbers[first], minlength=int(numbers.max(initial=0)) + 1)[numbers] > 1
    if not has_neighbour.any():
        return None
    order = np.flatnonzero(has_neighbour)
    order = order[np.lexsort((owners[order], numbers[order]))]
    _, numbers = np.unique(numbers[order], return_inverse=True)
    edges = np.concatenate([[0], np.cumsum(np.bincount(numbers.reshape(-1)))])
    begins = np.r_[True, np.diff(owners[order]) != 0]
    which = np.cumsum(begins) - 1
    return _Particles(
        positions[order].astype(np.float64),
        numbers.reshape(-1),
        states[order].astype(np.int64),
        edges,
        which,
        np.bincount(which),
    )


class _Pairs(NamedTuple):
    """Particles and their neighbours, by index."""

    particles: np.ndarray  # (m,)
    neighbours: np.ndarray  # (m,)
    weights: np.ndarray  # (m,): one over the number of neighbours of the particle


def _pairs(particles: _Particles, n_neighbours: int) -> _Pairs:
    """Views, with all views of the nearest particles. Small tomograms have fewer neighbours for each particle than asked for."""
    first_views = particles.first_views
    ends = np.searchsorted(first_views, particles.edges)  # of particles, by tomogram
    own, other = [], []
    for first, last in pairwise(ends):
        k = min(n_neighbours, int(last - first) - 1)
        positions = particles.positions[first_views[first:last]]
        _, found = cKDTree(positions).query(positions, k + 1)
        own.append(np.repeat(np.arange(first, last), k))
        other.append(first + _without_self(found).ravel())
    of_particle, neighbours = _product_of_views(particles, np.concatenate(own), np.concatenate(other))
    n_of_each = np.bincount(of_particle, minlength=len(particles.states))
    return _Pairs(of_particle, neighbours, 1 / n_of_each[of_particle])


def _product_of_views(
    particles: _Particles, own: np.ndarray, other: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Every view of the one with every view of the other, of pairs (k,) of particles."""
    n_own, n_other = particles.n_views[own], particles.n_views[other]
    sizes = n_own * n_other
    pair = np.repeat(np.arange(len(own)), sizes)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    first_views = particles.first_views
    return first_views[own[pair]] + within // n_other[pair], first_views[other[pair]] + within % n_other[pair]


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
    """Indices that exchange particles of one tomogram, with all their views; those with as many views, where numbers differ."""
    first_views, n_views = particles.first_views, particles.n_views
    kinds = particles.tomograms[first_views] * (int(n_views.max()) + 1) + n_views
    usual = np.argsort(kinds, kind="stable")
    mixed = np.argsort(kinds + generator.random(len(kinds)))
    taken = np.empty(len(kinds), np.int64)
    taken[usual] = mixed  # particle -> the one whose states it takes
    within = np.arange(len(particles.states)) - first_views[particles.owners]
    return first_views[taken[particles.owners]] + within


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
        owners = particles.owners[first:last]
        for number in np.unique(here):
            members = np.flatnonzero(here == number)
            members = members[np.unique(owners[members], return_index=True)[1]]  # one view of each particle
            tree = cKDTree(positions[members])
            found = tree.query(positions, [1, 2])[0]  # the second of a member: the first is itself
            is_member = np.isin(owners, owners[members])
            nearest[first:last, number - 1] = np.where(is_member, found[:, 1], found[:, 0])
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
