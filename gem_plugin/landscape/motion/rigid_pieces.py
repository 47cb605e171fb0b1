"""Pieces of a molecule that lie and move together, each nearly rigid."""

import numpy as np

N_MOTION_PATTERNS = 6  # singular vectors of the displacements that say which Gaussians move together
WEIGHT_OF_POSITION = 0.7  # of the position beside the motion, so that pieces are connected


def rigid_pieces(
    positions_in_angstroms: np.ndarray,  # (k, n, 3): clouds of k particles
    n_pieces: int,
    seed: int,
) -> np.ndarray:  # (n,) int64 from 0, least mobile first
    """k-means of position and motion."""
    from sklearn.cluster import KMeans

    mean = positions_in_angstroms.mean(axis=0)
    moved = positions_in_angstroms - mean
    n_pieces = min(n_pieces, len(np.unique(mean, axis=0)))
    position = (mean - mean.mean(axis=0)) / max(float(mean.std()), 1e-9)
    patterns = joint_motions(moved).transpose(1, 0, 2).reshape(len(mean), -1)
    motion = patterns / max(float(np.sqrt((patterns**2).sum(axis=1).mean())), 1e-9)
    features = np.concatenate([WEIGHT_OF_POSITION * position, motion], axis=1)
    labels = KMeans(n_pieces, random_state=seed, n_init=3).fit_predict(features)
    displacement = np.sqrt((moved**2).sum(axis=2).mean(axis=0))
    mobility = np.array([displacement[labels == label].mean() for label in range(n_pieces)])
    number = np.empty(n_pieces, dtype=np.int64)
    number[np.argsort(mobility)] = np.arange(n_pieces)
    return number[labels]


def joint_motions(moved: np.ndarray) -> np.ndarray:  # (k, n, 3) about the mean -> (p, n, 3), largest first
    """The largest joint motions: displacement of every Gaussian for one standard deviation of the particles along each."""
    k, n, _ = moved.shape
    matrix = moved.reshape(k, 3 * n)
    eigenvalues, vectors = np.linalg.eigh(matrix @ matrix.T)
    order = np.argsort(eigenvalues)[::-1][: min(N_MOTION_PATTERNS, k)]
    return (vectors[:, order].T @ matrix / np.sqrt(k)).reshape(len(order), n, 3)
