"""The nearest of many points, some of the points at a time, so that progress can be reported. The result is the same."""

import numpy as np
from scipy.spatial import cKDTree

from gem_plugin.progress import Track, untracked

POINTS_AT_A_TIME = 5_000


def nearest_points(
    tree: cKDTree,
    points: np.ndarray,  # (n, dimensions)
    n_nearest: int,
    track: Track = untracked,
) -> tuple[np.ndarray, np.ndarray]:  # (n, n_nearest) distances and positions in the tree
    """The nearest points of the tree, on all processors."""
    starts = range(0, max(len(points), 1), POINTS_AT_A_TIME)
    parts = [
        tree.query(points[start : start + POINTS_AT_A_TIME], n_nearest, workers=-1)
        for start in track(starts, "nearest neighbours", unit="part")
    ]
    distances, neighbours = zip(*parts, strict=True)
    return np.concatenate(distances), np.concatenate(neighbours)
