"""How many states there are: the basins of the density of the particles over the maps, and the barriers between them.

A state is a region where particles are dense, apart from others by a region where they are rare. A continuum is one basin however it is
bent, a ring too, because its density does not fall along it. Number, size and shape of basins are not assumed.
"""

from dataclasses import dataclass

import numpy as np

from gem_plugin.errors import InputError

PARTICLES_NEAR = 60  # whose distance gives the density: its logarithm is then known to 0.13
MINIMUM_NEIGHBOURS = 12  # maps
MAXIMUM_FRACTION_NEAR = 8  # of k maps at most k / 8 are neighbours
MINIMUM_BARRIER_IN_KT = 1.0  # natural logarithm of the density at the top of a basin over that at its pass
RANGE_OF_NOISE = (
    6.5  # standard errors: how far the highest and lowest of some hundred noisy densities lie apart
)
MINIMUM_FRACTION = 0.01  # of the particles
MINIMUM_MAPS = 5  # fewer cannot be divided


@dataclass(frozen=True, eq=False)
class Basins:
    """Basins from the deepest to the shallowest; the barrier of the first is infinite."""

    top: np.ndarray  # (b,) int64: the map where the density of the basin is highest
    barriers_in_kt: (
        np.ndarray
    )  # (b,): over the pass to a deeper basin; infinite where no particles lie between
    into: np.ndarray  # (b,) int64: the basin that it joins at that pass; -1 for the first
    basin_of_map: np.ndarray  # (k,) int64: the basin of each map while no two are joined
    least_barrier_in_kt: float  # lower ones are not taken for borders

    @property
    def n_states(self) -> int:
        """How many basins have a barrier; 1 where the particles are one cloud or one continuum."""
        return int((self.barriers_in_kt >= self.least_barrier_in_kt).sum())

    def labels(self, n_states: int) -> np.ndarray:  # (k,) int64 from 0
        """The deepest `n_states` basins, all others joined to them over their lowest passes."""
        joined = np.arange(len(self.top))
        for number in joined.tolist():
            while joined[number] >= n_states:  # into denser and denser ones
                joined[number] = self.into[joined[number]]
        return joined[self.basin_of_map]

    def barrier_of(self, n_states: int) -> float:
        """The barrier of the least separated state when there are so many; 0 where so many basins do not exist."""
        return float(self.barriers_in_kt[n_states - 1]) if n_states <= len(self.top) else 0.0


def find_basins(
    distances: np.ndarray,  # (k, k) between the maps
    weights: np.ndarray,  # (k,) particles that each map stands for
) -> Basins:
    """Basins of the density, and the barriers in kT (-ln of the density) between them.

    The density at a map is the number of particles of its nearest maps over the volume that they fill; the dimension of that volume is the
    maximum-likelihood estimate of E. Levina and P. J. Bickel (Adv. Neural Inf. Process. Syst. 17, 777, 2005). Basins grow from the densest map downwards over the graph of
    nearest maps, and where two meet the shallower one has found its pass (persistence: F. Chazal, L. J. Guibas, S. Y. Oudot and
    P. Skraba, J. ACM 60, 41, 2013). Raises InputError for arrays that do not fit each other.
    """
    if distances.shape != (len(weights), len(weights)):
        raise InputError(
            f"Expected distances between {len(weights)} maps as a square table, got shape {distances.shape}. "
            "Run gem-em landscape again."
        )
    if len(weights) < MINIMUM_MAPS:
        return _one_basin(len(weights))
    n_near = _n_neighbours(weights)
    density, neighbours = _log_density(distances, weights, n_near)
    noise = RANGE_OF_NOISE / np.sqrt(n_near * weights.mean())
    found = _grown(density, _graph(neighbours), weights)
    return _sorted(*found, least_barrier_in_kt=max(MINIMUM_BARRIER_IN_KT, float(noise)))


def _one_basin(n_maps: int) -> Basins:
    everything = np.zeros(n_maps, dtype=np.int64)
    return Basins(
        np.zeros(1, np.int64), np.array([np.inf]), np.array([-1]), everything, MINIMUM_BARRIER_IN_KT
    )


def _n_neighbours(weights: np.ndarray) -> int:
    enough = int(np.ceil(PARTICLES_NEAR / weights.mean()))
    most = max(len(weights) // MAXIMUM_FRACTION_NEAR, MINIMUM_MAPS - 1)
    return min(max(enough, MINIMUM_NEIGHBOURS), most)


def _log_density(
    distances: np.ndarray, weights: np.ndarray, n_near: int
) -> tuple[np.ndarray, np.ndarray]:  # (k,), (k, n_near) the nearest other maps
    order = np.argsort(distances, axis=1, kind="stable")[:, : n_near + 1]
    near = np.take_along_axis(distances, order, axis=1)
    smallest = max(float(distances.max()) * 1e-9, np.finfo(np.float64).tiny)  # maps may be the same
    reach = np.maximum(near[:, -1], smallest)
    inverse_dimension = np.log(reach[:, None] / np.clip(near[:, 1:-1], smallest, None)).mean(axis=1)
    dimension = 1 / max(float(np.average(inverse_dimension, weights=weights)), 1e-3)
    particles = weights[order[:, :-1]].sum(axis=1) - weights / 2  # the outermost one is on the rim
    return np.log(particles) - dimension * np.log(reach), order[:, 1:]


def _graph(neighbours: np.ndarray) -> list[set[int]]:
    """For each map those near to it and those to which it is near."""
    beside: list[set[int]] = [set() for _ in range(len(neighbours))]
    for one, others in enumerate(neighbours.tolist()):
        for other in others:
            beside[one].add(other)
            beside[other].add(one)
    return beside


def _grown(
    density: np.ndarray, beside: list[set[int]], weights: np.ndarray
) -> tuple[np.ndarray, dict[int, tuple[float, int]]]:
    """The top of each map's basin, and {top: (barrier, top of the deeper basin)}; basins of few particles are parts of their neighbours."""
    needed = MINIMUM_FRACTION * weights.sum()
    parent, mass = np.full(len(density), -1, dtype=np.int64), np.zeros(len(density))
    root_of: dict[int, int] = {}  # a top -> the top of what it was joined to
    passes: dict[int, tuple[float, int]] = {}

    def whole(top: int) -> int:
        while top in root_of:
            top = root_of[top]
        return top

    for one in np.argsort(-density, kind="stable").tolist():
        done = [other for other in beside[one] if parent[other] >= 0]
        steepest = max(done, key=lambda other: density[other], default=None)
        parent[one] = one if steepest is None else parent[steepest]
        meeting = sorted({whole(int(parent[other])) for other in done}, key=lambda top: -density[top])
        for top in meeting[1:]:
            barrier = float(density[top] - density[one]) if mass[top] >= needed else 0.0
            passes[top] = (barrier, meeting[0])
            root_of[top] = meeting[0]
            mass[meeting[0]] += mass[top]
        mass[whole(int(parent[one]))] += weights[one]
    tops = sorted({whole(int(top)) for top in np.unique(parent)}, key=lambda top: -density[top])
    for top in tops[1:]:
        passes[top] = (np.inf if mass[top] >= needed else 0.0, tops[0])
    return parent, passes


def _sorted(parent: np.ndarray, passes: dict[int, tuple[float, int]], least_barrier_in_kt: float) -> Basins:
    first = next(int(top) for top in np.unique(parent) if int(top) not in passes)
    tops = [first, *sorted(passes, key=lambda top: -passes[top][0])]
    number = {top: index for index, top in enumerate(tops)}
    barriers = np.array([np.inf, *(passes[top][0] for top in tops[1:])])
    into = np.array([-1, *(number[passes[top][1]] for top in tops[1:])])
    of_map = np.array([number[int(top)] for top in parent])
    return Basins(np.array(tops), barriers, into, of_map, least_barrier_in_kt)
