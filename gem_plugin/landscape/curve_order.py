"""The order of points along a curve of any shape, open or closed, by the slowest diffusion between them."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh
from scipy.spatial.distance import cdist

N_SAMPLED = 800
SMALLEST_WIDTH = 1e-3  # of the largest distance
N_NEAR = 10  # neighbours whose distance is the least width of the kernel
FAR = 3.0  # times the median distance of neighbours: such points are set aside
MOST_ALIKE = 2.0  # ratio of the second to the first eigenvalue: 1 for a closed curve, 4 for an open one
HOLLOW = (
    0.55  # the radius that 95 % of the points of a closed curve exceed, over the median one; a disc has 0.4
)
LARGEST_GAP = np.pi / 3  # without points, in a closed curve


class CurveOrder(NamedTuple):
    """Where some of the points are along the curve."""

    rows: np.ndarray  # (m,) int64: the points that were looked at
    position: np.ndarray  # (m,) 0 to 1
    is_closed: bool


def order_along_curve(
    points: np.ndarray,  # (n, q)
    least_width: float,  # of the kernel, the standard deviation of the noise of a coordinate
    generator: np.random.Generator,
) -> CurveOrder:
    """The first eigenvectors of diffusion on the points (R. R. Coifman and S. Lafon, Appl. Comput. Harmon. Anal. 21, 5, 2006, with alpha = 1).

    On an open curve of length L they are cos(pi s / L) and cos(2 pi s / L) with eigenvalues 1 : 4, on a closed one cosine and sine of the
    angle with equal eigenvalues, however densely the curve is occupied.
    """
    rows = np.sort(generator.choice(len(points), min(len(points), N_SAMPLED), replace=False))
    distances = cdist(points[rows], points[rows])
    near = np.partition(distances, min(N_NEAR, len(rows) - 1), axis=1)[:, min(N_NEAR, len(rows) - 1)]
    kept = near <= FAR * max(float(np.median(near)), np.finfo(np.float64).tiny)
    rows, distances = rows[kept], distances[np.ix_(kept, kept)]
    smallest = SMALLEST_WIDTH * float(distances.max()) or 1.0  # points may be the same
    width = max(least_width, float(np.median(near[kept])), smallest)
    values, vectors = _slowest_modes(np.exp(-0.5 * (distances / width) ** 2))
    first, second = vectors.T
    angle = np.arctan2(second, first)
    if values[1] < MOST_ALIKE * values[0] and _is_ring(first, second, angle):
        return CurveOrder(rows, angle / (2 * np.pi) + 0.5, True)
    return CurveOrder(rows, np.argsort(np.argsort(first, kind="stable")) / max(len(first) - 1, 1), False)


def _slowest_modes(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (2,), (m, 2)
    """Eigenvalues (-ln) and eigenvectors after the constant one; how dense the points are is divided out."""
    density = kernel.sum(axis=1)
    kernel = kernel / np.outer(density, density)
    scale = 1 / np.sqrt(kernel.sum(axis=1))
    last = len(kernel) - 1
    values, vectors = eigh(kernel * np.outer(scale, scale), subset_by_index=(last - 2, last))
    vectors = vectors[:, ::-1] * scale[:, None]
    modes = vectors[:, 1:] / vectors[:, 1:].std(axis=0)
    return -np.log(np.clip(values[::-1][1:], 1e-12, 1)), modes


def _is_ring(first: np.ndarray, second: np.ndarray, angle: np.ndarray) -> bool:
    radius = np.hypot(first, second)
    turned = np.sort(angle)
    gap = np.diff(np.append(turned, turned[0] + 2 * np.pi)).max()
    return bool(np.quantile(radius, 0.05) > HOLLOW * np.median(radius) and gap < LARGEST_GAP)
