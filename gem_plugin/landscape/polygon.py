"""Which points lie inside a polygon on a plane."""

import numpy as np

from gem_plugin.errors import InputError


def points_in_polygon(
    points: np.ndarray,  # (n, 2)
    corners: np.ndarray,  # (m, 2), in order; the last one joins the first
) -> np.ndarray:  # (n,) bool
    """Even-odd rule: inside is what a ray to the right leaves after an odd number of edges."""
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise InputError(f"A polygon needs at least three corners of two numbers, got shape {corners.shape}.")
    inside = np.zeros(len(points), dtype=bool)
    x, y = points[:, 0], points[:, 1]
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0)):
        if y1 == y2:
            continue  # a ray along the edge crosses its neighbours instead
        crosses = (y1 > y) != (y2 > y)
        inside ^= crosses & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    return inside
