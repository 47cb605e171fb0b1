"""Hints that a state may be junk: less density than the others, far from all others, or uncertain latents.

Each hint is a ratio less 1, so that 0 is typical: the score is the largest of the three. Above 1, look at the maps
and at a reconstruction of the state's particles before believing in it. It is a hint and no verdict.
"""

from dataclasses import dataclass

import numpy as np

SUSPICIOUS = 1.0


@dataclass(frozen=True)
class StateQuality:
    """One entry per state."""

    density_ratio: np.ndarray  # (m,): density inside the mask over its mean over the particles
    isolation: np.ndarray  # (m,): distance to the nearest other state over the median of such distances
    uncertainty_ratio: (
        np.ndarray
    )  # (m,): standard deviation of the latents given the image, over its mean; 1 where unknown
    junk_score: np.ndarray  # (m,): 0 typical, above 1 suspicious


def assess_states(
    mean_rows: np.ndarray,  # (m, v): masked voxels of the mean map of each state
    counts: np.ndarray,  # (m,): particles per state
    particle_states: np.ndarray,  # (n,) from 1; 0 = none
    latents_std: np.ndarray | None,  # (n, latent_size): None where the model gives none
) -> StateQuality:
    """Compare every state with the others."""
    density = np.maximum(mean_rows, 0).sum(axis=1, dtype=np.float64)
    density_ratio = density / np.average(density, weights=counts)
    isolation = _isolation(mean_rows.astype(np.float64))
    uncertainty = np.ones(len(mean_rows))
    if latents_std is not None:
        of_particle = latents_std.mean(axis=1)
        typical = of_particle[particle_states > 0].mean()
        for number in range(len(mean_rows)):
            uncertainty[number] = of_particle[particle_states == number + 1].mean() / typical
    hints = np.stack([1 / np.maximum(density_ratio, 1e-6) - 1, isolation - 1, uncertainty - 1])
    return StateQuality(density_ratio, isolation, uncertainty, np.maximum(hints.max(axis=0), 0))


def _isolation(mean_rows: np.ndarray) -> np.ndarray:  # (m,)
    if len(mean_rows) < 3:
        return np.ones(len(mean_rows))  # with two states, neither is farther away than the other
    squares = (mean_rows**2).sum(axis=1)
    squared = squares[:, None] + squares[None] - 2 * mean_rows @ mean_rows.T
    np.fill_diagonal(squared, np.inf)
    nearest = np.sqrt(np.maximum(squared.min(axis=1), 0))
    middle = np.median(nearest)
    return nearest / middle if middle > 0 else np.ones(len(nearest))
