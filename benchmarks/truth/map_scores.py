"""CryoBench's area under the Fourier shell correlation, per conformation and per image, as score_run.py defines them."""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from scipy.integrate import trapezoid

from truth.known_truth import KnownTruth

N_IMAGES = 100  # of the per-image metric
Decode = Callable[[np.ndarray], Iterable[np.ndarray]]  # latents (m, latent_size) -> m maps (box, box, box)


def shell_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:  # (box // 2,)
    """Correlation in the shells i - 1 <= r < i, i = 1 .. box / 2 - 1; 1 in front, for frequency 0."""
    box = len(first)
    axis = np.fft.fftfreq(box, 1 / box)
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2)
    shells = np.floor(radius).astype(np.int64).ravel() + 1
    a, b = (torch.fft.fftn(torch.from_numpy(np.asarray(one, np.float64))).numpy() for one in (first, second))

    def per_shell(values: np.ndarray) -> np.ndarray:
        return np.bincount(shells, values.ravel())[1 : box // 2]

    power = per_shell(np.abs(a) ** 2) * per_shell(np.abs(b) ** 2)
    correlation = per_shell((a * b.conj()).real) / np.sqrt(np.maximum(power, np.finfo(np.float64).tiny))
    return np.concatenate([[1.0], correlation])


def area_under(correlation: np.ndarray) -> float:
    """Trapezoid of |FSC| over i / box; below 0.5."""
    n_shells = len(correlation)
    return float(trapezoid(np.abs(correlation), np.arange(n_shells) / (2 * n_shells)))


def rows_of_conformations(truth: KnownTruth, latents: np.ndarray) -> np.ndarray:  # (states,) int64
    """For each state that occurs, the member whose latents are nearest to the mean of the state."""
    rows = []
    for state in range(truth.n_states):
        members = truth.members(state)
        if len(members):
            distance = ((latents[members] - latents[members].mean(axis=0)) ** 2).sum(axis=1)
            rows.append(members[distance.argmin()])
    return np.array(rows, dtype=np.int64)


def rows_of_images(truth: KnownTruth) -> np.ndarray:  # (100 at most,) int64
    """Every (n // 100)-th image, without those that do not show the molecule where the pose says."""
    n = len(truth)
    rows = np.arange(0, n, max(1, n // N_IMAGES))[:N_IMAGES]
    return rows[truth.is_molecule[rows]]


class MapScores:
    """Areas of decoded maps against the true maps of a set; each true map is made once."""

    def __init__(self, truth: KnownTruth) -> None:
        self.truth = truth
        self._true_maps: dict[int, np.ndarray] = {}

    def areas(self, rows: np.ndarray, latents: np.ndarray, decode: Decode) -> np.ndarray:  # (m,)
        """The area of each row's own map against the true map of its state."""
        maps = decode(latents[rows])
        return np.array(
            [self.area(volume, int(self.truth.which[row])) for row, volume in zip(rows, maps, strict=True)]
        )

    def area(self, volume: np.ndarray, state: int) -> float:
        if state not in self._true_maps:
            self._true_maps[state] = self.truth.true_map(state)
        return area_under(shell_correlation(volume, self._true_maps[state]))
