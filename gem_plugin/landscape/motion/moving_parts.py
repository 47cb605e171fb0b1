"""Which Gaussians move as one part: their mass, and how far they move, both with an error.

A Gaussian moves when its displacement, or the change of its amplitude, belongs to the upper of two groups (Otsu 1979). What moves, lies
together and changes together is one part; everything else is the rest. The errors hold the choice of particles and of the border
between what moves and what does not. They do not hold the training.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gem_plugin.landscape.motion.rigid_pieces import rigid_pieces
from gem_plugin.landscape.motion.transport import squared_transport

NEIGHBOURS = 6  # of a Gaussian: those that it lies together with
MINIMUM_RATIO = 2.5  # between what moves and what does not; less is one group
MINIMUM_DISPLACEMENT = 0.1  # Å
MINIMUM_FADING = 0.5  # amplitude change of a Gaussian that counts though it stays where it is
MINIMUM_MASS_CHANGE = 0.3  # of a part that comes and goes instead of moving
MINIMUM_FRACTION_OF_MASS = 0.005  # of a part
BINS = 200
SMALLEST = 1e-30  # so that nothing is divided by zero
BORDERS = (0.75, 1.33)  # times the border between the two groups: how well it is known
PAIRINGS = 4  # times that every particle is compared with another one; once where the number is only compared
GAUSSIANS_PER_PIECE, MAXIMUM_PIECES = 20, 4  # of what lies together and is tested for moving on its own
MINIMUM_COUPLING = 0.5  # fraction of the change of one piece that another one's tells
SIGNALS = 3  # components of the change of a piece


@dataclass(frozen=True)
class MovingParts:
    """One row a part: the rest, which may be empty, then what moves, the most mobile one last."""

    gaussians: np.ndarray  # (p,) int64
    fraction_of_mass: np.ndarray  # (p,)
    fraction_of_mass_error: np.ndarray  # (p,): one standard error
    centre_in_angstroms: np.ndarray  # (p, 3) xyz
    motion_in_angstroms: np.ndarray  # (p,): root mean square over the particles about the mean, at least
    motion_error_in_angstroms: np.ndarray  # (p,): one standard error
    amplitude_change: np.ndarray  # (p,): of its Gaussians: standard deviation over mean
    mass_change: np.ndarray  # (p,): of the part as a whole: standard deviation of its mass over its mean


class _Clouds:
    """What is asked again and again of the clouds of several particles."""

    def __init__(self, positions: np.ndarray, amplitudes: np.ndarray) -> None:
        self.positions, self.amplitudes = positions, np.maximum(amplitudes, 0)
        self.mean, self.mass = positions.mean(axis=0), self.amplitudes.mean(axis=0)
        self.squared = ((positions - self.mean) ** 2).sum(axis=2)  # (k, n)
        self.displacement = np.sqrt(self.squared.mean(axis=0))
        self.change = self.amplitudes.std(axis=0) / np.maximum(self.mass, SMALLEST)
        fading = max(_border(self.change, self.mass), MINIMUM_FADING)
        self.borders = max(_border(self.displacement, self.mass), MINIMUM_DISPLACEMENT), fading

    def moving(self, factor: float = 1.0) -> np.ndarray:  # (n,) bool
        """Beyond the border of the displacement or of the amplitude change, times a factor."""
        return (self.displacement > self.borders[0] * factor) | (self.change > self.borders[1] * factor)

    def fraction(self, member: np.ndarray) -> float:
        return float(self.mass[member].sum() / max(float(self.mass.sum()), SMALLEST))

    def mass_change(self, member: np.ndarray) -> float:
        """Of the member as a whole: standard deviation of its mass over its mean."""
        of_particles = self.amplitudes[:, member].sum(axis=1)
        return float(of_particles.std() / max(float(of_particles.mean()), SMALLEST))


def find_moving_parts(
    positions_in_angstroms: np.ndarray,  # (k, n, 3): clouds of k particles
    amplitudes: np.ndarray,  # (k, n)
    seed: int,
) -> tuple[np.ndarray, MovingParts]:  # (n,) int64 from 1, and one row a part
    """Parts numbered from the rest, 1, to the one that moves most."""
    clouds = _Clouds(positions_in_angstroms.astype(np.float64), amplitudes.astype(np.float64))
    labels = np.ones(len(clouds.mean), dtype=np.int64)
    for number, part in enumerate(_moving_parts(clouds, seed), start=2):
        labels[part] = number
    variants = [labels, *(_at_another_border(clouds, labels, factor) for factor in BORDERS)]
    return labels, _table(clouds, variants, seed)


def _border(values: np.ndarray, weights: np.ndarray) -> float:
    """Otsu's threshold of the logarithms; infinite where the two groups differ too little to be two."""
    logarithms = np.log(np.maximum(values, max(float(values.max()), SMALLEST) * 1e-4))
    counts, edges = np.histogram(logarithms, BINS, weights=weights)
    middles, below = (edges[1:] + edges[:-1]) / 2, np.cumsum(counts)
    sums = np.cumsum(counts * middles)
    below, sums, above, sums_above = below[:-1], sums[:-1], below[-1] - below[:-1], sums[-1] - sums[:-1]
    two = (below > 0) & (above > 0)
    if not two.any():
        return float("inf")
    between = np.zeros(len(below))
    between[two] = below[two] * above[two] * (sums[two] / below[two] - sums_above[two] / above[two]) ** 2
    best = edges[1:-1][between >= between.max() * (1 - 1e-9)]  # all of an empty gap
    border = float(np.exp(best.mean()))
    upper = values > border
    sizes = [np.sqrt(np.average(values[some] ** 2, weights=weights[some])) for some in (~upper, upper)]
    return border if sizes[1] > MINIMUM_RATIO * sizes[0] else float("inf")


def _moving_parts(clouds: _Clouds, seed: int) -> list[np.ndarray]:
    """Indices of the Gaussians of each, least mobile first; fragments that move little more than the rest belong to it."""
    groups = _lying_together(clouds.mean, np.flatnonzero(clouds.moving()))
    parts = [part for group in groups for part in _changing_together(clouds, group, seed)]
    rest = np.flatnonzero(~clouds.moving())
    still = (
        np.sqrt(np.average(clouds.displacement[rest] ** 2, weights=clouds.mass[rest] + SMALLEST))
        if len(rest)
        else 0.0
    )
    found = []
    for part in parts:
        if clouds.fraction(part) < MINIMUM_FRACTION_OF_MASS:
            continue
        motion, _ = _motion(clouds, part, seed, 1)
        if motion > MINIMUM_RATIO * still or clouds.mass_change(part) > MINIMUM_MASS_CHANGE:
            found.append((motion, part))
    return [part for _, part in sorted(found, key=lambda one: one[0])]


def _lying_together(mean: np.ndarray, chosen: np.ndarray) -> list[np.ndarray]:
    """Groups of the chosen Gaussians, connected from neighbour to neighbour."""
    if len(chosen) == 0:
        return []
    near = cKDTree(mean).query(mean[chosen], k=[*range(1, min(NEIGHBOURS + 1, len(mean)) + 1)])[1]
    place = np.full(len(mean), -1)
    place[chosen] = np.arange(len(chosen))
    rows, columns = np.repeat(np.arange(len(chosen)), near.shape[1]), place[near.ravel()]
    kept = columns >= 0
    links = np.ones(int(kept.sum()))
    graph = csr_matrix((links, (rows[kept], columns[kept])), shape=(len(chosen), len(chosen)))
    labels = connected_components(graph, directed=False)[1]
    return [chosen[labels == label] for label in np.unique(labels)]


def _changing_together(clouds: _Clouds, group: np.ndarray, seed: int) -> list[np.ndarray]:
    """The group whole, or cut where the change of one piece does not tell that of another."""
    n_pieces = min(MAXIMUM_PIECES, len(group) // GAUSSIANS_PER_PIECE)
    if n_pieces < 2:
        return [group]
    pieces = rigid_pieces(clouds.positions[:, group], n_pieces, seed)
    signals = [_signals(clouds, group[pieces == piece]) for piece in range(pieces.max() + 1)]
    coupled = np.array([[_coupling(one, other) for other in signals] for one in signals])
    joined = connected_components(csr_matrix(np.maximum(coupled, coupled.T) >= MINIMUM_COUPLING))[1]
    return [group[np.isin(pieces, np.flatnonzero(joined == label))] for label in np.unique(joined)]


def _signals(clouds: _Clouds, member: np.ndarray) -> np.ndarray:  # (k, s)
    """How the density of a piece changes: largest components of mass times place, which displacement and fading both change."""
    places = clouds.positions[:, member] - clouds.mean[member].mean(axis=0)
    matrix = (clouds.amplitudes[:, member, None] * places).reshape(len(places), -1)
    left, sizes, _ = np.linalg.svd(matrix - matrix.mean(axis=0), full_matrices=False)
    return left[:, :SIGNALS] * sizes[:SIGNALS]


def _coupling(one: np.ndarray, other: np.ndarray) -> float:
    """Fraction of the variance of the second that a quadratic function of the first tells, in particles left out of the fit."""
    scaled = one / np.maximum(one.std(axis=0), SMALLEST)
    products = [scaled[:, i] * scaled[:, j] for i in range(scaled.shape[1]) for j in range(i + 1)]
    columns = np.column_stack([np.ones(len(scaled)), scaled, *products])
    even = np.arange(len(columns)) % 2 == 0
    missed = 0.0
    for fitted in (even, ~even):
        coefficients = np.linalg.lstsq(columns[fitted], other[fitted], rcond=None)[0]
        missed += float(((other[~fitted] - columns[~fitted] @ coefficients) ** 2).sum())
    return 1 - missed / max(float(((other - other.mean(axis=0)) ** 2).sum()), SMALLEST)


def _at_another_border(clouds: _Clouds, labels: np.ndarray, factor: float) -> np.ndarray:  # (n,) int64
    """The parts as they would be if the border lay elsewhere; what is new goes to the nearest part."""
    moving = clouds.moving(factor)
    there = np.flatnonzero(labels > 1)
    if len(there) == 0:
        return labels
    nearest = cKDTree(clouds.mean[there]).query(clouds.mean)[1]
    return np.where(moving, np.where(labels > 1, labels, labels[there[nearest]]), 1)


def _table(clouds: _Clouds, variants: list[np.ndarray], seed: int) -> MovingParts:
    labels, *others = variants
    members = [np.flatnonzero(labels == number) for number in range(1, labels.max() + 1)]
    rows = []
    for number, member in enumerate(members, start=1):
        if not len(member):  # no rest: one part moves, and all else comes and goes
            rows.append((0, 0.0, 0.0, clouds.mean.mean(axis=0), 0.0, 0.0, 0.0, 0.0))
            continue
        varied = [np.flatnonzero(other == number) for other in others]
        weights = clouds.mass[member] + SMALLEST
        is_rest = number == 1
        motion, motion_error = _motion(clouds, member, seed, 0 if is_rest else PAIRINGS)
        motions = [_motion(clouds, some, seed, 1)[0] for some in varied if len(some) and not is_rest]
        rows.append(
            (
                len(member),
                clouds.fraction(member),
                _error_of_fraction(clouds, member, varied),
                np.average(clouds.mean[member], axis=0, weights=weights),
                motion,
                float(np.hypot(motion_error, _half_range(motions))),
                float(np.average(clouds.change[member], weights=weights)),
                clouds.mass_change(member),
            )
        )
    return MovingParts(*(np.array(column) for column in zip(*rows, strict=True)))


def _error_of_fraction(clouds: _Clouds, member: np.ndarray, varied: list[np.ndarray]) -> float:
    """Of the border; and of how finely the Gaussians, as many as there are in a part, can tell its mass."""
    by_counting = min(clouds.fraction(member), 1 - clouds.fraction(member)) / np.sqrt(max(len(member), 1))
    return float(np.hypot(by_counting, _half_range([clouds.fraction(some) for some in varied])))


def _half_range(values: list[float]) -> float:
    return (max(values) - min(values)) / 2 if values else 0.0


def _motion(
    clouds: _Clouds, member: np.ndarray, seed: int, pairings: int
) -> tuple[float, float]:  # Å: motion, standard error
    """By the displacement of the Gaussians, or by the transport of their density where that is larger."""
    weights = clouds.mass[member] + SMALLEST
    samples = clouds.squared[:, member] @ (weights / weights.sum())  # (k,)
    if pairings and len(samples) > 1:
        transported = _transported(clouds, member, seed, pairings)
        samples = transported if _is_clearly_larger(transported, samples) else samples
    motion = float(np.sqrt(max(float(samples.mean()), 0.0)))
    error = float(samples.std() / np.sqrt(len(samples)))  # of the square
    return motion, error / (2 * motion) if motion > 0 else 0.0


def _transported(clouds: _Clouds, member: np.ndarray, seed: int, pairings: int) -> np.ndarray:  # (p,) Å^2
    """Squares about the mean, from particles in pairs: half of what lies between the two."""
    generator, n_particles = np.random.default_rng(seed), len(clouds.positions)
    orders = [generator.permutation(n_particles)[: n_particles // 2 * 2] for _ in range(pairings)]
    pairs = np.concatenate([order.reshape(-1, 2) for order in orders])
    return squared_transport(clouds.positions[:, member], clouds.amplitudes[:, member], pairs, seed) / 2


def _is_clearly_larger(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the mean of the first is above that of the second by two standard errors."""
    if len(one) < 2:
        return False
    return bool(one.mean() - other.mean() > 2 * np.hypot(one.std(), other.std()) / np.sqrt(len(one)))
