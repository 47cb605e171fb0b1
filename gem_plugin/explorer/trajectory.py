"""Trajectories through the latent space between waypoints that the user clicked; each waypoint is one of their points."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from gem_plugin.errors import InputError
from gem_plugin.landscape.free_energy import estimate_free_energy
from gem_plugin.landscape.latents.components import fit_latent_components
from gem_plugin.landscape.paths import minimum_energy_path, rows_near_path
from gem_plugin.results.column_names import family_of
from gem_plugin.results.particle_columns import ParticleColumn

KINDS = ("straight", "on data", "through neighbours", "minimum energy")
MAXIMUM_POINTS = 200
N_NEIGHBOURS = 15
MAXIMUM_PARTICLES_IN_GRAPH = 20_000  # more are thinned: the graph only needs to follow the data
FAMILIES_WITH_ENERGY = (
    "latent_1, ...",
    "latent_pc_1, ...",
    "volume_pc_1, ...",
)  # as column_names.py shows them


class EnergyPlane(NamedTuple):
    """Two columns on which particles have a free energy."""

    names: tuple[str, ...]
    points: np.ndarray  # (n, 2) float64


class Trajectory(NamedTuple):
    """Points along the way."""

    latents: np.ndarray  # (p, latent_size) float32
    rows: np.ndarray  # (p,) int64: the particle of each point, or the nearest one


def energy_plane(x: ParticleColumn, y: ParticleColumn, latents: np.ndarray) -> EnergyPlane:
    """The plane of a minimum-energy path: the axes that are shown, where they are latents or components.

    Densities on a UMAP, or over poses, are no free energy of the molecule: the first two components of the latents
    are taken instead; one, where there is one latent.
    """
    if x.name != y.name and _has_energy(x.name) and _has_energy(y.name):
        return EnergyPlane((x.name, y.name), np.stack([x.values, y.values], axis=1).astype(np.float64))
    scores = fit_latent_components(latents).scores[:, :2]
    return EnergyPlane(tuple(f"latent_pc_{axis + 1}" for axis in range(scores.shape[1])), scores)


def _has_energy(name: str) -> bool:
    family = family_of(name)
    return family is not None and family.shown in FAMILIES_WITH_ENERGY


def find_trajectory(
    kind: str,
    latents: np.ndarray,  # (n, latent_size)
    waypoints: np.ndarray,  # (w,) rows
    n_points: int,
    plane: EnergyPlane | None = None,  # for the minimum-energy path
) -> Trajectory:
    """A trajectory through all waypoints in their order. Raises InputError where there is none."""
    _check(kind, latents, waypoints, n_points)
    if kind == "minimum energy":
        assert plane is not None
        if plane.points.shape[1] == 2:
            return _minimum_energy(latents, waypoints, n_points, plane.points)
        kind = "on data"  # of one latent: there is only one way
    if kind == "through neighbours":
        corners = _through_neighbours(latents, waypoints)
    else:
        corners = [latents[[start, end]].astype(np.float64) for start, end in pairwise(waypoints)]
    steps = steps_of_legs([_length(leg) for leg in corners], n_points)
    points = _joined([_evenly_along(leg, n + 1) for leg, n in zip(corners, steps)])
    _, rows = cKDTree(latents).query(points)
    stops = _stops(steps)
    points[stops], rows[stops] = latents[waypoints], waypoints
    return Trajectory(
        (latents[rows] if kind == "on data" else points).astype(np.float32), rows.astype(np.int64)
    )


def _check(kind: str, latents: np.ndarray, waypoints: np.ndarray, n_points: int) -> None:
    if kind not in KINDS:
        raise InputError(f"There is no trajectory {kind!r}; expected one of {', '.join(KINDS)}.")
    if waypoints.ndim != 1 or len(waypoints) < 2:
        raise InputError("A trajectory needs two waypoints or more: switch waypoints on and click particles.")
    if waypoints.min() < 0 or waypoints.max() >= len(latents):
        raise InputError(
            f"Waypoints are particles 0 to {len(latents) - 1}, got {waypoints.min()} to {waypoints.max()}. "
            "Clear the waypoints and click particles."
        )
    if not 2 <= n_points <= MAXIMUM_POINTS:
        raise InputError(f"A trajectory has 2 to {MAXIMUM_POINTS} points, got {n_points}.")
    if n_points < len(waypoints):
        raise InputError(
            f"A trajectory through {len(waypoints)} waypoints needs {len(waypoints)} points or more, got {n_points}."
        )


def steps_of_legs(lengths: list[float], n_points: int) -> list[int]:
    """How many steps each leg between two waypoints has: one or more, else by its length."""
    steps = [1] * len(lengths)
    for _ in range(n_points - 1 - len(lengths)):
        longest = max(range(len(lengths)), key=lambda leg: lengths[leg] / steps[leg])
        steps[longest] += 1
    return steps


def _stops(steps: list[int]) -> np.ndarray:  # (legs + 1,): the points that are waypoints
    return np.concatenate([[0], np.cumsum(steps)])


def _joined(legs: list[np.ndarray]) -> np.ndarray:
    """Legs behind each other; the first point of a leg is the last of the one before."""
    return np.concatenate([legs[0][:1], *(leg[1:] for leg in legs)])


def _length(corners: np.ndarray) -> float:  # (c, d)
    return float(np.linalg.norm(np.diff(corners, axis=0), axis=1).sum())


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
    """Leg by leg on the free energy of the plane; real particles near it."""
    landscape = estimate_free_energy(plane, np.random.default_rng(0), n_bootstrap=2)
    legs = [
        minimum_energy_path(landscape, plane[start], plane[end], n_points).points
        for start, end in pairwise(waypoints)
    ]
    steps = steps_of_legs([_length(leg) for leg in legs], n_points)
    rows = _joined(
        [
            rows_near_path(_evenly_along(leg, n + 1), plane, latents, ends=(int(start), int(end)))
            for leg, n, (start, end) in zip(legs, steps, pairwise(waypoints))
        ]
    )
    return Trajectory(latents[rows].astype(np.float32), rows)


def _through_neighbours(
    latents: np.ndarray, waypoints: np.ndarray
) -> list[np.ndarray]:  # legs of (c, latent_size)
    """The shortest way from particle to particle, each step to a near neighbour."""
    from scipy.sparse.csgraph import dijkstra
    from sklearn.neighbors import kneighbors_graph

    kept = np.arange(len(latents))
    if len(latents) > MAXIMUM_PARTICLES_IN_GRAPH:
        chosen = np.random.default_rng(0).choice(len(latents), MAXIMUM_PARTICLES_IN_GRAPH, replace=False)
        kept = np.unique(np.concatenate([chosen, waypoints]))
    graph = kneighbors_graph(latents[kept], min(N_NEIGHBOURS, len(kept) - 1), mode="distance")
    graph.data **= 2  # many small steps are better than one leap
    legs = []
    for start, end in pairwise(np.searchsorted(kept, waypoints)):
        _, before = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
        if before[end] < 0 and end != start:
            raise InputError(
                "These waypoints are not joined by neighbouring particles. Use the straight trajectory."
            )
        nodes = [int(end)]
        while nodes[-1] != start:
            nodes.append(int(before[nodes[-1]]))
        legs.append(latents[kept[nodes[::-1]]].astype(np.float64))
    return legs
