"""UMAP: a flat picture of points in many dimensions. The same points and seed give the same picture."""

import warnings

import numpy as np

N_NEIGHBORS = 15
SMALLEST_FOR_SPECTRAL_START = 20  # fewer points: the spectral start of UMAP fails


def umap_embedding(
    points: np.ndarray,  # (n, dimensions), at least 2 points
    seed: int,
    n_neighbors: int = N_NEIGHBORS,
) -> np.ndarray:  # (n, 2) float32
    """Lay out points on a plane such that near neighbours stay near."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba and umap warn about themselves, not about the data
        from umap import UMAP

        layout = UMAP(
            n_neighbors=max(2, min(n_neighbors, len(points) - 1)),
            init="random" if len(points) < SMALLEST_FOR_SPECTRAL_START else "spectral",
            random_state=seed,
            n_jobs=1,  # more threads would make the result depend on their timing
        )
        return np.asarray(layout.fit_transform(points), dtype=np.float32)
