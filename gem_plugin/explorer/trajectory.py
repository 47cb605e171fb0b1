"""Trajectories through the latent space between waypoints that the user clicked."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from gem_plugin.errors import InputError
from gem_plugin.landscape.free_energy import estimate_free_energy
from gem_plugin.landscape.paths import minimum_energy_path, rows_near_path

KINDS = ("straight", "on data", "through neighbours", "minimum energy")
MAXIMUM_POINTS = 200
N_NEIGHBOURS = 15
MAXIMUM_PARTICLES_IN_GRAPH = 20_000  # more are thinned: the graph only needs to follow the data


class Trajectory(NamedTuple):
    """Points along the way."""

    latents: np.ndarray  # (p, latent_size) float32
    rows: np.ndarray  # (p,) int64: the particle of each point, or the nearest one


def find_trajectory(
    kind: str,
    latents: np.ndarray,  # (n, latent_size)
    waypoints: np.ndarray,  # (w,) rows
    n_points: int,
    plane: np.ndarray,  # (n, 2): the two columns that are shown, for the minimum-energy path
) -> Trajectory:
    """A trajectory through all waypoints in their order."""
    if kind not in KINDS:
        raise InputError(f"There is no trajectory {kind!r}; expected one of {', '.join(KINDS)}.")
    if len(waypoints) < 2 or waypoints.min() < 0 or waypoints.max() >= len(latents):
        raise InputError("A trajectory needs two waypoints or more: switch waypoints on and click particles.")
    if not 2 <= n_points <= MAXIMUM_POINTS:
        raise InputError(f"A trajectory has 2 to {MAXIMUM_POINTS} points, got {n_points}.")
    if kind == "minimum energy":
        return _minimum_energy(latents, waypoints, n_points, plane)
    if kind == "through neighbours":
        return _through_neighbours(latents, waypoints, n_points)
    points = _evenly_along(latents[waypoints].astype(np.float64), n_points)
    _, rows = cKDTree(latents).query(points)
    on_data = kind == "on data"
    return Trajectory((latents[rows] if on_data else points).astype(np.float32), rows.astype(np.int64))


def _evenly_along(corners: np.ndarray, n_points: int) -> np.ndarray:  # (c, d) -> (n_points, d)
    """Points at equal distances on the line through all corners."""
    steps = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    distances = np.concatenate([[0.0], np.cumsum(steps)])
    if distances[-1] == 0:
        return np.repeat(corners[:1], n_points, axis=0)
    requested = np.linspace(0, distances[-1], n_points)
    return np.stack(
        [np.interp(requested, distances, corners[:, axis]) for axis in range(corners.shape[1])], axis=1
    )


def _minimum_energy(
    latents: np.ndarray, waypoints: np.ndarray, n_points: int, plane: np.ndarray
) -> Trajectory:
    """Leg by leg on the free energy of the plane that is shown; real particles near it."""
    landscape = estimate_free_energy(plane.astype(np.float64), np.random.default_rng(0), n_bootstrap=2)
    legs = [
        minimum_energy_path(landscape, plane[start], plane[end], n_points).points
        for start, end in pairwise(waypoints)
    ]
    rows = rows_near_path(_evenly_along(np.concatenate(legs), n_points), plane, latents)
    return Trajectory(latents[rows].astype(np.float32), rows)


def _through_neighbours(latents: np.ndarray, waypoints: np.ndarray, n_points: int) -> Trajectory:
    """The shortest way from particle to particle, each step to a near neighbour."""
    from scipy.sparse.csgraph import dijkstra
    from sklearn.neighbors import kneighbors_graph

    kept = np.arange(len(latents))
    if len(latents) > MAXIMUM_PARTICLES_IN_GRAPH:
        chosen = np.random.default_rng(0).choice(len(latents), MAXIMUM_PARTICLES_IN_GRAPH, replace=False)
        kept = np.unique(np.concatenate([chosen, waypoints]))
    graph = kneighbors_graph(latents[kept], min(N_NEIGHBOURS, len(kept) - 1), mode="distance")
    graph.data **= 2  # many small steps are better than one leap
    nodes = [int(np.searchsorted(kept, waypoints[0]))]
    for waypoint in np.searchsorted(kept, waypoints[1:]):
        _, before = dijkstra(graph, directed=False, indices=nodes[-1], return_predecessors=True)
        if before[waypoint] < 0 and waypoint != nodes[-1]:
            raise InputError(
                "These waypoints are not joined by neighbouring particles. Use the straight trajectory."
            )
        leg = [int(waypoint)]
        while leg[-1] != nodes[-1]:
            leg.append(int(before[leg[-1]]))
        nodes += leg[-2::-1]
    points = _evenly_along(latents[kept[nodes]].astype(np.float64), n_points)
    _, rows = cKDTree(latents).query(points)
    return Trajectory(points.astype(np.float32), rows.astype(np.int64))
