"""Whether the Gaussians of a model move as the atoms near them do, and whether density fades where atoms only move."""

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from truth.known_truth import KnownTruth

N_PAIRS = 30  # of states, each in both directions
NEAREST_ATOMS = 8
MAXIMUM_DISTANCE_IN_ANGSTROMS = (
    10.0  # from a Gaussian to the nearest of its atoms; farther ones belong to none
)
MOVING_IN_ANGSTROMS, STILL_IN_ANGSTROMS = 1.0, 0.5  # true displacements above and below
STAYS = 0.9  # fraction of the mass of a Gaussian's atoms that is there in both states, or displacement means nothing
ABSENT = 0.1  # with less of the mass there, a Gaussian's atoms are absent
FAINTEST = 0.05  # of the brighter of two amplitudes: less counts as this, so that a vanished Gaussian has a finite logarithm

# latents (m, latent_size) -> positions in Angstrom (m, g, 3), amplitudes (m, g)
Clouds = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def score_motion(
    truth: KnownTruth, latents: np.ndarray, clouds: Clouds, seed: int
) -> dict[str, float | None]:
    """Errors between pairs of states, each decoded at the mean latents of its images; weights are the Gaussians' amplitudes.

    motion_error: root mean square of (Gaussian's displacement - that of its atoms) where atoms move, in Angstrom;
    motion_of_atoms: the same of the true displacement; false_motion: displacement of Gaussians whose atoms rest;
    false_amplitude_change: root mean square of log(a_j / a_i) less that of the atoms, in per cent, where atoms move and do
    not vanish (where none move, over all that stay); left_of_absent: amplitude that Gaussians keep, in per cent, when most
    of the mass of their atoms is absent from the second state.
    """
    names = ("motion_error", "motion_of_atoms", "false_motion", "false_amplitude_change", "left_of_absent")
    states = [state for state in range(truth.n_states) if len(truth.members(state))]
    if len(states) < 2:
        return dict.fromkeys(names)
    means = np.stack([latents[truth.members(state)].mean(axis=0) for state in states])
    positions, amplitudes = (np.asarray(values, np.float64) for values in clouds(means.astype(np.float32)))
    sums = _Sums()
    for first, second in chosen_pairs(len(states), seed):
        for i, j in ((first, second), (second, first)):
            atoms = atoms_near(truth, states[i], states[j], positions[i])
            sums.add(atoms, positions[j] - positions[i], amplitudes[i], amplitudes[j])
    return dict(zip(names, sums.scores(), strict=True))


def chosen_pairs(n_states: int, seed: int) -> list[tuple[int, int]]:
    """All pairs of states, or 30 of them at random."""
    pairs = [(i, j) for i in range(n_states) for j in range(i + 1, n_states)]
    if len(pairs) <= N_PAIRS:
        return pairs
    chosen = np.random.default_rng(seed).choice(len(pairs), N_PAIRS, replace=False)
    return [pairs[index] for index in np.sort(chosen)]


class AtomsNear:
    """For each of g Gaussians, what its nearest atoms do from one state to another."""

    def __init__(
        self,
        displacement: np.ndarray,  # (g, 3), Angstrom
        log_ratio: np.ndarray,  # (g,): of their mass, floored
        staying: np.ndarray,  # (g,): fraction of their mass that is there in both states
        distance: np.ndarray,  # (g,): to the nearest, Angstrom
    ) -> None:
        self.displacement, self.log_ratio = displacement, log_ratio
        self.length = np.linalg.norm(displacement, axis=1)
        self.has_atoms = distance < MAXIMUM_DISTANCE_IN_ANGSTROMS
        self.staying = staying
        self.stays = self.has_atoms & (staying > STAYS)


def atoms_near(truth: KnownTruth, first: int, second: int, gaussians: np.ndarray) -> AtomsNear:
    """The mass-weighted mean over the 8 nearest atoms that are there in the first state."""
    is_there = np.flatnonzero(truth.amplitudes[first] > 0)
    before = truth.positions_in_angstroms[first][is_there].astype(np.float64)
    moved = truth.positions_in_angstroms[second][is_there] - before
    number = min(NEAREST_ATOMS, len(is_there))
    distances, nearest = cKDTree(before).query(gaussians, np.arange(1, number + 1))
    mass = truth.amplitudes[first][is_there][nearest].astype(np.float64)
    mass_after = truth.amplitudes[second][is_there][nearest].astype(np.float64)
    total, total_after = mass.sum(axis=1), mass_after.sum(axis=1)
    displacement = (moved[nearest] * mass[..., None]).sum(axis=1) / total[:, None]
    staying = np.minimum(mass, mass_after).sum(axis=1) / total
    return AtomsNear(displacement, floored_log_ratio(total_after, total), staying, distances[:, 0])


def floored_log_ratio(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    """log(after / before), each at least 5 per cent of the larger one."""
    least = np.maximum(FAINTEST * np.maximum(after, before), np.finfo(np.float64).tiny)
    return np.log(np.maximum(after, least) / np.maximum(before, least))


class _Sums:
    """Weighted sums over pairs of states: of values and of weights."""

    def __init__(self) -> None:
        self._error, self._true, self._still = np.zeros(2), np.zeros(2), np.zeros(2)
        self._change_moving, self._change, self._absent = np.zeros(2), np.zeros(2), np.zeros(2)

    def add(
        self,
        atoms: AtomsNear,
        displacement: np.ndarray,  # (g, 3), Angstrom
        before: np.ndarray,  # (g,): amplitudes in the first state, which are the weights
        after: np.ndarray,  # (g,)
    ) -> None:
        is_moving = atoms.stays & (atoms.length > MOVING_IN_ANGSTROMS)
        is_still = atoms.stays & (atoms.length < STILL_IN_ANGSTROMS)
        is_absent = atoms.has_atoms & (atoms.staying < ABSENT)
        false_change = (floored_log_ratio(after, before) - atoms.log_ratio) ** 2
        squared_error = ((displacement - atoms.displacement) ** 2).sum(axis=1)
        for sums, chosen, values in (
            (self._error, is_moving, squared_error),
            (self._true, is_moving, atoms.length**2),
            (self._still, is_still, (displacement**2).sum(axis=1)),
            (self._change_moving, is_moving, false_change),
            (self._change, atoms.stays, false_change),
        ):
            sums += (before[chosen] @ values[chosen], before[chosen].sum())
        self._absent += (after[is_absent].sum(), before[is_absent].sum())

    def scores(self) -> tuple[float | None, ...]:
        change = self._change_moving if self._change_moving[1] > 0 else self._change
        left = 100 * self._absent[0] / self._absent[1] if self._absent[1] > 0 else None
        return (
            _root_mean(self._error),
            _root_mean(self._true),
            _root_mean(self._still),
            _root_mean(change, 100),
            left,
        )


def _root_mean(sums: np.ndarray, factor: float = 1.0) -> float | None:
    return float(factor * np.sqrt(sums[0] / sums[1])) if sums[1] > 0 else None
