"""UMAP: a flat picture of points in many dimensions. The same points and seed give the same picture."""

import warnings

import numpy as np
from scipy.spatial import cKDTree
from sklearn.neighbors import NearestNeighbors

from gem_plugin.landscape.latents.compiled_umap import umap_class
from gem_plugin.landscape.latents.neighbour_search import nearest_points
from gem_plugin.landscape.printed_rounds import CountedRounds, PushedLoop
from gem_plugin.progress import Track, untracked

N_NEIGHBORS = 15
MAXIMUM_FITTED_POINTS = (
    20_000  # more are interpolated among these: UMAP takes half a minute for as many and hours for a million
)
NEIGHBOURS_OF_AN_INTERPOLATED_POINT = 3
MINIMUM_FOR_SPECTRAL_START = 20  # fewer points: the spectral start of UMAP fails


def umap_embedding(
    points: np.ndarray,  # (n, dimensions), at least 2 points
    seed: int,
    n_neighbors: int = N_NEIGHBORS,
    track: Track = untracked,
) -> np.ndarray:  # (n, 2) float32
    """Lay out points on a plane such that near neighbours stay near."""
    if len(points) <= MAXIMUM_FITTED_POINTS:
        return _fit(points, seed, n_neighbors, track)
    chosen = np.random.default_rng(seed).choice(len(points), MAXIMUM_FITTED_POINTS, replace=False)
    return place_among(points, points[chosen], _fit(points[chosen], seed, n_neighbors, track), track)


def place_among(
    points: np.ndarray,  # (n, dimensions)
    known_points: np.ndarray,  # (m, dimensions)
    known_layout: np.ndarray,  # (m, 2)
    track: Track = untracked,
) -> np.ndarray:  # (n, 2) float32
    """Each point at the mean of its nearest known neighbours, weighted by one over the distance; a known point stays."""
    distances, neighbours = nearest_points(
        cKDTree(known_points), points, NEIGHBOURS_OF_AN_INTERPOLATED_POINT, track
    )
    weights = 1 / np.maximum(distances, 1e-9 * (np.ptp(known_points) + 1e-30))
    weights /= weights.sum(1, keepdims=True)
    return np.einsum("nk,nkd->nd", weights, known_layout[neighbours]).astype(np.float32)


def _fit(points: np.ndarray, seed: int, n_neighbors: int, track: Track) -> np.ndarray:
    """The search for neighbours comes in one piece; then UMAP counts its epochs.

    UMAP's own search compares all pairs of up to 4,096 points in a loop of Python (6 of 9 seconds of 3,000), and of more points it finds
    most neighbours, not all; scikit-learn's finds all.
    """
    epochs = CountedRounds(PushedLoop(track, "UMAP epochs", unit="epoch"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba and umap warn about themselves, not about the data
        k = max(2, min(n_neighbors, len(points) - 1))
        layout = umap_class()(
            n_neighbors=k,
            precomputed_knn=_neighbours(points, k),
            init="random" if len(points) < MINIMUM_FOR_SPECTRAL_START else "spectral",
            random_state=seed,
            n_jobs=1,  # more threads would make the result depend on their timing
            tqdm_kwds=epochs.tqdm_arguments(),
        )
        embedded = layout.fit_transform(points)
    epochs.finish()
    return np.asarray(embedded, dtype=np.float32)


def _neighbours(
    points: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:  # (n, k) rows, distances; each point itself among them
    distances, rows = NearestNeighbors(n_neighbors=k, n_jobs=1).fit(points).kneighbors(points)
    return rows, distances.astype(np.float32)
