"""Ways through the latent space between anchors that the user clicked."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from gem_plugin.errors import InputError
from gem_plugin.landscape.free_energy import estimate_free_energy
from gem_plugin.landscape.paths import minimum_energy_path, rows_near_path

KINDS = ("straight", "on data", "through neighbours", "least energy")
MOST_POINTS = 200
N_NEIGHBOURS = 15
MOST_PARTICLES_IN_GRAPH = 20_000  # more are thinned: the graph only needs to follow the data


class TravelPath(NamedTuple):
    """Points on the way."""

    latents: np.ndarray  # (p, latent_size) float32
    rows: np.ndarray  # (p,) int64: the particle of each point, or the nearest one


def find_path(
    kind: str,
    latents: np.ndarray,  # (n, latent_size)
    anchors: np.ndarray,  # (a,) rows
    n_points: int,
    plane: np.ndarray,  # (n, 2): the two columns that are shown, for the path of least energy
) -> TravelPath:
    """A path through all anchors in their order."""
    if kind not in KINDS:
        raise InputError(f"There is no path {kind!r}; expected one of {', '.join(KINDS)}.")
    if len(anchors) < 2 or anchors.min() < 0 or anchors.max() >= len(latents):
        raise InputError("A path needs two anchors or more: click particles with anchors switched on.")
    if not 2 <= n_points <= MOST_POINTS:
        raise InputError(f"A path has 2 to {MOST_POINTS} points, got {n_points}.")
    if kind == "least energy":
        return _least_energy(latents, anchors, n_points, plane)
    if kind == "through neighbours":
        return _through_neighbours(latents, anchors, n_points)
    points = _evenly_along(latents[anchors].astype(np.float64), n_points)
    _, rows = cKDTree(latents).query(points)
    on_data = kind == "on data"
    return TravelPath((latents[rows] if on_data else points).astype(np.float32), rows.astype(np.int64))


def _evenly_along(corners: np.ndarray, n_points: int) -> np.ndarray:  # (c, d) -> (n_points, d)
    """Points at equal distances on the line through all corners."""
    steps = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    travelled = np.concatenate([[0.0], np.cumsum(steps)])
    if travelled[-1] == 0:
        return np.repeat(corners[:1], n_points, axis=0)
    wanted = np.linspace(0, travelled[-1], n_points)
    return np.stack(
        [np.interp(wanted, travelled, corners[:, axis]) for axis in range(corners.shape[1])], axis=1
    )


def _least_energy(latents: np.ndarray, anchors: np.ndarray, n_points: int, plane: np.ndarray) -> TravelPath:
    """Leg by leg on the free energy of the plane that is shown; real particles near it."""
    landscape = estimate_free_energy(plane.astype(np.float64), np.random.default_rng(0), n_bootstrap=2)
    legs = [
        minimum_energy_path(landscape, plane[start], plane[end], n_points).points
        for start, end in pairwise(anchors)
    ]
    rows = rows_near_path(_evenly_along(np.concatenate(legs), n_points), plane, latents)
    return TravelPath(latents[rows].astype(np.float32), rows)


def _through_neighbours(latents: np.ndarray, anchors: np.ndarray, n_points: int) -> TravelPath:
    """The shortest way from particle to particle, each step to a near neighbour."""
    from scipy.sparse.csgraph import dijkstra
    from sklearn.neighbors import kneighbors_graph

    kept = np.arange(len(latents))
    if len(latents) > MOST_PARTICLES_IN_GRAPH:
        chosen = np.random.default_rng(0).choice(len(latents), MOST_PARTICLES_IN_GRAPH, replace=False)
        kept = np.unique(np.concatenate([chosen, anchors]))
    graph = kneighbors_graph(latents[kept], min(N_NEIGHBOURS, len(kept) - 1), mode="distance")
    graph.data **= 2  # many small steps are better than one leap
    nodes = [int(np.searchsorted(kept, anchors[0]))]
    for anchor in np.searchsorted(kept, anchors[1:]):
        _, before = dijkstra(graph, directed=False, indices=nodes[-1], return_predecessors=True)
        if before[anchor] < 0 and anchor != nodes[-1]:
            raise InputError("No chain of neighbours joins these anchors. Take the straight path.")
        leg = [int(anchor)]
        while leg[-1] != nodes[-1]:
            leg.append(int(before[leg[-1]]))
        nodes += leg[-2::-1]
    points = _evenly_along(latents[kept[nodes]].astype(np.float64), n_points)
    _, rows = cKDTree(latents).query(points)
    return TravelPath(points.astype(np.float32), rows.astype(np.int64))
