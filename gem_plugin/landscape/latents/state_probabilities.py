"""How probable it is that a particle is in its state, by the uncertainty of its latents."""

import numpy as np
from scipy.spatial import cKDTree

N_SAMPLES = 400
N_PARTICLES = 100_000  # among which the nearest is looked for, at most


class StateProbabilities:
    """Draws latents from a particle's posterior and looks in which state they would be: that of the nearest particle."""

    def __init__(
        self,
        latents: np.ndarray,  # (n, latent_size)
        standard_deviations: np.ndarray,  # (n, latent_size)
        states: np.ndarray,  # (n,) from 1; 0: none
    ) -> None:
        self.latents, self.standard_deviations, self.states = latents, standard_deviations, states
        rows = np.flatnonzero(states > 0)
        if len(rows) > N_PARTICLES:
            rows = np.sort(np.random.default_rng(0).choice(rows, N_PARTICLES, replace=False))
        self._rows = rows
        self._tree = cKDTree(latents[rows].astype(np.float64)) if len(rows) else None

    def of(self, row: int) -> dict[int, float]:
        """State -> probability, of the states that are possible; empty for a particle that is in none."""
        if self._tree is None or self.states[row] == 0:
            return {}
        mean = self.latents[row].astype(np.float64)
        noise = np.random.default_rng(row).normal(size=(N_SAMPLES, len(mean)))
        samples = mean + noise * self.standard_deviations[row]
        distances, nearest = self._tree.query(samples)
        found = self.states[self._rows[nearest]]
        own = np.linalg.norm(samples - mean, axis=1)  # where the particle is none of those looked at
        found = np.where(own < distances, self.states[row], found)
        numbers, counts = np.unique(found, return_counts=True)
        return {int(number): float(count) / N_SAMPLES for number, count in zip(numbers, counts)}
