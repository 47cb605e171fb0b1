"""The axes of latent space across the borders of states: what decides between them, without what varies within them."""

import numpy as np
from scipy.spatial import cKDTree

N_SAMPLED = 6000  # particles, equally many of each state where there are as many
N_NEIGHBOURS = 20
MINIMUM_FRACTION = 0.05  # of the largest eigenvalue
MAXIMUM_AXES = 4


def axes_between_states(
    points: np.ndarray,  # (n, d)
    noise: np.ndarray,  # (d,): standard deviation of the noise of the points
    states: np.ndarray,  # (n,) int64 from 0
    generator: np.random.Generator,
) -> np.ndarray:  # (d, q) orthonormal columns; q = 0 where there is one state
    """Principal axes of the vectors to the nearest points of other states, less those to the nearest points of the same one.

    Distances and vectors are in units of the noise (non-parametric discriminant analysis: K. Fukunaga and J. M. Mantock,
    IEEE Trans. Pattern Anal. Mach. Intell. 5, 671, 1983), so states may be curved, or lie inside each other.
    """
    rows = _sample(states, generator)
    scaled, of_rows = points[rows] / noise, states[rows]
    steps = []
    for state in np.unique(of_rows):
        own, other = scaled[of_rows == state], scaled[of_rows != state]
        if len(other):
            steps.append(_mean_of_nearest(other, own) - _mean_of_nearest(own, own))
    if not steps:
        return np.zeros((points.shape[1], 0))
    values, vectors = np.linalg.eigh(np.sum([step.T @ step / len(step) for step in steps], axis=0))
    order = np.argsort(values)[::-1][:MAXIMUM_AXES]
    kept = order[values[order] >= MINIMUM_FRACTION * values[order[0]]]
    axes, _ = np.linalg.qr(vectors[:, kept] / noise[:, None])
    _, rotation = np.linalg.eigh(axes.T @ (noise[:, None] ** 2 * axes))
    return axes @ rotation  # along which the noise is uncorrelated


def _sample(states: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    different = np.unique(states)
    each = max(N_NEIGHBOURS, N_SAMPLED // len(different))
    members = [np.flatnonzero(states == state) for state in different]
    return np.concatenate([generator.choice(one, min(each, len(one)), replace=False) for one in members])


def _mean_of_nearest(among: np.ndarray, points: np.ndarray) -> np.ndarray:  # as points
    k = min(N_NEIGHBOURS, len(among))
    _, nearest = cKDTree(among).query(points, k=k)
    return among[nearest.reshape(len(points), k)].mean(axis=1)
