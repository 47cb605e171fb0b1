"""States of all particles in the space of the volume components.

Merging a hundred thousand particles one by one is out of reach, so k-means first makes many small cells, and the
cells are merged; a cell counts by its particles. Leiden works on the graph of nearest neighbours.
"""

import random

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from gem_plugin.errors import InputError
from gem_plugin.landscape.latents.neighbour_search import nearest_points
from gem_plugin.landscape.sketch import make_sketch
from gem_plugin.landscape.states import build_tree, cut_into_states, number_by_size
from gem_plugin.progress import Track, untracked

N_CELLS = 1000
LEIDEN_IS_MISSING = (
    "Leiden states need the package igraph, which is not installed: pip install 'gem-em[leiden]' or "
    "pip install igraph. Or leave --leiden out (--no-leiden); the other states do not need it."
)


def merge_particles(
    coordinates: np.ndarray,  # (n, c)
    n_states: int,
    linkage: str,
    seed: int,
    track: Track = untracked,
) -> np.ndarray:  # (n,) int64 from 1, by size
    """Agglomerative states of all particles, by way of a thousand cells."""
    cells = make_sketch(coordinates, N_CELLS, seed, track)
    distances, _ = cell_distances(coordinates, cells.labels)
    if n_states > len(distances):
        raise InputError(f"-M is {n_states}; expected 1 to {len(distances)}, the number of distinct cells.")
    tree = build_tree(distances, linkage)
    return cut_into_states(tree, n_states, cells.counts.astype(np.float64))[cells.labels]


def assign_particles(
    coordinates: np.ndarray,  # (n, c)
    map_coordinates: np.ndarray,  # (k, c) of the sketch maps
    map_states: np.ndarray,  # (k,) from 1
) -> np.ndarray:  # (n,) int64 from 1
    """The state of the sketch map that is most like each particle's own map: the same states, particle by particle."""
    _, nearest = cKDTree(map_coordinates).query(coordinates)
    return map_states[nearest].astype(np.int64)


def numbered_alike(
    labels: np.ndarray, reference: np.ndarray
) -> np.ndarray:  # (n,), (n,) from 1; 0: none -> (n,)
    """The labels, each with the number of the reference's state that it shares most particles with; the rest follow by size.

    One to one, such that the most particles keep their number (H. W. Kuhn, Nav. Res. Logist. Q. 2, 83, 1955).
    """
    shared = np.zeros((labels.max() + 1, reference.max() + 1), dtype=np.int64)
    np.add.at(shared, (labels, reference), 1)
    shared = shared[1:, 1:]
    own, others = linear_sum_assignment(shared, maximize=True)
    number = np.zeros(len(shared) + 1, dtype=np.int64)
    # of fewer states than the reference has, the numbers still count from 1 without gaps
    number[own + 1] = np.argsort(np.argsort(others)) + 1 if len(shared) < shared.shape[1] else others + 1
    rest = np.flatnonzero(number[1:] == 0) + 1
    number[rest] = len(own) + 1 + np.arange(len(rest))
    return number[labels]


def cell_distances(coordinates: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances between the means of the cells (k, k), and their particle counts (k,)."""
    counts = np.bincount(labels)
    means = (
        np.stack([np.bincount(labels, weights=column) for column in coordinates.T], axis=1) / counts[:, None]
    )
    distances = np.linalg.norm(means[:, None] - means[None], axis=2)
    return distances, counts


def leiden_is_installed() -> bool:
    """Whether the optional package igraph can be imported."""
    from importlib.util import find_spec

    return find_spec("igraph") is not None


def leiden_states(
    coordinates: np.ndarray,  # (n, c)
    n_neighbors: int,
    resolution: float,
    seed: int,
    track: Track = untracked,
) -> np.ndarray:  # (n,) int64 from 1, by size
    """Communities of the nearest-neighbour graph by modularity (Traag et al., Sci. Rep. 9, 5233, 2019).

    An edge weighs exp(-(d / s)^2 / 2), s being the distance to the farthest of the neighbours of either end, whichever
    is larger. The generator of igraph is seeded, so the result is reproducible.
    """
    if not leiden_is_installed():
        raise InputError(LEIDEN_IS_MISSING)
    import igraph

    pairs, weights = _weighted_edges(coordinates, n_neighbors, track)
    graph = igraph.Graph(n=len(coordinates), edges=pairs)
    igraph.set_random_number_generator(random.Random(seed))
    parts = graph.community_leiden(
        objective_function="modularity", weights=weights, resolution=resolution, n_iterations=-1
    )
    return number_by_size(np.array(parts.membership), np.ones(len(coordinates)))


def _weighted_edges(
    coordinates: np.ndarray, n_neighbors: int, track: Track
) -> tuple[np.ndarray, np.ndarray]:  # (e, 2) int64, (e,)
    """Each edge between a point and its neighbours once. What it takes to find them is gone before the graph is made."""
    n_neighbors = min(n_neighbors, len(coordinates) - 1)
    distances, neighbours = nearest_points(cKDTree(coordinates), coordinates, n_neighbors + 1, track)
    reach = np.maximum(distances[:, -1], 1e-12)
    sources = np.repeat(np.arange(len(coordinates)), n_neighbors)
    targets, lengths = neighbours[:, 1:].ravel(), distances[:, 1:].ravel()
    del distances, neighbours
    ends = np.minimum(sources, targets) * len(coordinates) + np.maximum(
        sources, targets
    )  # one number an edge
    edges, first = np.unique(ends, return_index=True)  # each once
    del ends
    sources, targets, lengths = sources[first], targets[first], lengths[first]
    weights = np.exp(-((lengths / np.maximum(reach[sources], reach[targets])) ** 2) / 2)
    return np.stack(np.divmod(edges, len(coordinates)), axis=1), weights
