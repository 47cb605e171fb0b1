"""The sketch: a few hundred particles that stand for all of them.

k-means divides the latent space into cells; the particle nearest to the middle of a cell speaks for the cell.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial import cKDTree

from gem_plugin.errors import InputError
from gem_plugin.landscape.printed_rounds import PushedLoop, rounds_printed
from gem_plugin.progress import Track, untracked

KMEANS_ITERATIONS = 10  # as in cryoDRGN: the cells need not be perfect, only fine enough


@dataclass(frozen=True)
class Sketch:
    """k cells of latent space, each with one particle that represents it."""

    rows: np.ndarray  # (k,) int64, 0-based particle rows, one for each cell
    labels: np.ndarray  # (n,) int64, 0-based cell of every particle; -1: no cell (left out on request)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def counts(self) -> np.ndarray:  # (k,) int64
        """Number of particles in every cell."""
        return np.bincount(self.labels[self.labels >= 0], minlength=len(self.rows))


def make_sketch(
    latents: np.ndarray,  # (n, latent_size)
    sketch_size: int,
    seed: int,
    track: Track = untracked,
    is_used: np.ndarray | None = None,  # (n,) bool: particles that count; default: all
) -> Sketch:
    """Choose representatives by k-means, ordered so that neighbours in the list are neighbours in space.

    With no more particles than `sketch_size`, every particle is its own cell. Particles that do not count are in no cell.
    """
    check_latents(latents)
    if is_used is not None and not is_used.all():
        rows_used = np.flatnonzero(is_used)
        return _among_all(make_sketch(latents[is_used], sketch_size, seed, track), rows_used, len(latents))
    n_particles = len(latents)
    if n_particles <= sketch_size:
        rows, labels = np.arange(n_particles), np.arange(n_particles)
    else:
        labels, centres = _kmeans_cells(latents, sketch_size, seed, track)
        rows = _nearest_member(latents, labels, centres)
    return _in_leaf_order(latents, rows, labels)


def sketch_from_rows(
    latents: np.ndarray,  # (n, latent_size)
    rows: np.ndarray,  # (k,) int, 0-based
    is_used: np.ndarray | None = None,  # (n,) bool: particles that count; default: all
) -> Sketch:
    """Use the given particles as representatives, in the given order; every particle that counts joins the nearest one."""
    check_latents(latents)
    rows = np.asarray(rows, dtype=np.int64)
    if len(rows) == 0 or rows.min() < 0 or rows.max() >= len(latents):
        raise InputError(
            f"Expected sketch rows between 0 and {len(latents) - 1}, got {len(rows)} rows "
            f"from {rows.min(initial=0)} to {rows.max(initial=0)}. Rows count from 0."
        )
    if len(np.unique(rows)) != len(rows):
        raise InputError("A row occurs twice among the sketch rows; name each particle once.")
    _, labels = cKDTree(latents[rows]).query(latents)
    if is_used is not None:
        if not is_used[rows].all():
            raise InputError(
                f"Sketch row {rows[~is_used[rows]][0]} is an excluded particle (excluded.csv has the reason) or an outlier; name others."
            )
        labels[~is_used] = -1
    labels[rows] = np.arange(len(rows))  # identical latents would otherwise leave a cell empty
    return Sketch(rows, labels.astype(np.int64))


def _among_all(sketch: Sketch, rows_used: np.ndarray, n_particles: int) -> Sketch:
    """The sketch of some rows as one of all rows, of which the others are in no cell."""
    labels = np.full(n_particles, -1, dtype=np.int64)
    labels[rows_used] = sketch.labels
    return Sketch(rows_used[sketch.rows], labels)


def keep_cells(sketch: Sketch, kept: np.ndarray) -> Sketch:
    """Leave out all cells but the kept ones (0-based positions); their particles get the label -1."""
    kept = np.unique(np.asarray(kept, dtype=np.int64))
    if len(kept) == 0 or kept.min() < 0 or kept.max() >= len(sketch):
        raise InputError(
            f"--vol-ind: expected positions between 0 and {len(sketch) - 1}, "
            f"got {len(kept)} positions from {kept.min(initial=0)} to {kept.max(initial=0)}."
        )
    new_label = np.full(len(sketch) + 1, -1, dtype=np.int64)  # the last entry catches label -1
    new_label[kept] = np.arange(len(kept))
    return Sketch(sketch.rows[kept], new_label[sketch.labels])


def check_latents(latents: np.ndarray) -> None:
    """Refuse latents that are not a table of finite numbers."""
    if latents.ndim != 2 or len(latents) == 0 or latents.shape[1] == 0:
        raise InputError(f"Expected latents as a table (particles, latent size), got shape {latents.shape}.")
    bad_rows = np.flatnonzero(~np.isfinite(latents).all(axis=1))
    if len(bad_rows):
        raise InputError(
            f"{len(bad_rows)} particles have latents that are not finite, first row {bad_rows[0]} "
            "(counted from 0). Training has diverged; train again with a lower rate."
        )


def _kmeans_cells(
    latents: np.ndarray, n_cells: int, seed: int, track: Track
) -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn finds the start in one piece, then prints a line for each round."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    fit = KMeans(n_cells, n_init=1, max_iter=KMEANS_ITERATIONS, random_state=seed, verbose=1)
    rounds = PushedLoop(track, "k-means rounds", unit="round")
    printed = rounds_printed(rounds, KMEANS_ITERATIONS, ends="Iteration", begins="Initialization complete")
    with warnings.catch_warnings(), printed:
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct latents than cells: fewer cells
        fit.fit(latents)
    used, labels = np.unique(fit.labels_, return_inverse=True)
    return labels.astype(np.int64), fit.cluster_centers_[used]


def _nearest_member(latents: np.ndarray, labels: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The member of each cell nearest to its centre; the first one where several are equally near."""
    squared_distances = ((latents - centres[labels]) ** 2).sum(axis=1)
    order = np.lexsort((squared_distances, labels))
    first_of_cell = np.searchsorted(labels[order], np.arange(len(centres)))
    return order[first_of_cell].astype(np.int64)


def _in_leaf_order(latents: np.ndarray, rows: np.ndarray, labels: np.ndarray) -> Sketch:
    """Renumber the cells by the leaves of an average-linkage tree of their representatives."""
    if len(rows) < 3:
        return Sketch(rows.astype(np.int64), labels.astype(np.int64))
    order = leaves_list(linkage(latents[rows].astype(np.float64), method="average"))
    new_label = np.empty(len(rows), dtype=np.int64)
    new_label[order] = np.arange(len(rows))
    return Sketch(rows[order].astype(np.int64), new_label[labels])
