"""How many particles are near a point of a trajectory: a map between the particles is the model's guess, and nothing more.

Near is what is no farther than the particles lie from each other: the distance within which nine in ten of them have ten others.
"""

import numpy as np
from scipy.spatial import cKDTree

N_OTHERS = 10
TYPICAL_QUANTILE = 0.9
N_LOOKED_AT = 2_000  # particles that give the distance


class NearParticles:
    """Counts the particles around points of the latent space, or of the space of volume components."""

    def __init__(
        self,
        positions: np.ndarray,  # (n, d) of the particles
        counts: np.ndarray | None = None,  # (n,): how many particles each position stands for; default: one
    ) -> None:
        self.counts = None if counts is None else np.asarray(counts, np.float64)
        self._tree = cKDTree(np.asarray(positions, np.float64))
        self.radius = self._typical_distance()

    def _typical_distance(self) -> float:
        """In the unit of the positions; 0 where there are no others."""
        n = self._tree.n
        if n < 2:
            return 0.0
        rows = np.linspace(0, n - 1, min(n, N_LOOKED_AT)).astype(int)
        distances, _ = self._tree.query(self._tree.data[rows], k=[1 + min(N_OTHERS, n - 1)])
        return float(np.quantile(distances, TYPICAL_QUANTILE))

    def at(self, points: np.ndarray) -> np.ndarray:  # (p, d) -> (p,) int64
        """The number of particles near each point."""
        points = np.asarray(points, np.float64)
        if self.counts is None:
            return self._tree.query_ball_point(points, self.radius, return_length=True).astype(np.int64)
        found = self._tree.query_ball_point(points, self.radius)
        return np.array([round(float(self.counts[rows].sum())) for rows in found], np.int64)
