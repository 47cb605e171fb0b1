"""The path between two states that costs least free energy.

On the grid of the free energy, the path minimises the sum of exp(F / kT) times its length: the path of largest flux
of a diffusing molecule (Huo and Straub, J. Chem. Phys. 107, 5000, 1997), in which high barriers dominate.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from gem_plugin.errors import InputError
from gem_plugin.landscape.free_energy import TOO_FEW_FOR_ENERGIES, FreeEnergy

NEIGHBOUR_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # each edge once; the graph is undirected


class EnergyPath(NamedTuple):
    """Evenly spaced points on a path."""

    points: np.ndarray  # (p, 2)
    energy_in_kt: np.ndarray  # (p,)
    error_in_kt: np.ndarray  # (p,): of the energy, by bootstrap
    distance: np.ndarray  # (p,): length of the path from the start, in the units of the coordinates

    @property
    def barrier_in_kt(self) -> float:
        """Highest energy on the path above that of its start."""
        return float(self.energy_in_kt.max() - self.energy_in_kt[0])


def minimum_energy_path(
    landscape: FreeEnergy,
    start: np.ndarray,  # (2,)
    end: np.ndarray,  # (2,)
    n_points: int,
) -> EnergyPath:
    """The path of largest flux from start to end through known cells; InputError where there is none."""
    if not landscape.has_energies:
        raise InputError(
            f"There is no minimum-energy path: {TOO_FEW_FOR_ENERGIES}. Use more particles, or a larger --bandwidth."
        )
    is_known = np.isfinite(landscape.energy_in_kt)
    graph, cells = _grid_graph(landscape, is_known)
    ends = [_nearest_known_cell(landscape, is_known, point) for point in (start, end)]
    first, last = (cells[cell] for cell in ends)
    costs, before = dijkstra(graph, directed=False, indices=first, return_predecessors=True)
    if not np.isfinite(costs[last]):
        raise InputError(
            "No path leads from one state to the other: particles between them are missing. "
            "Choose other components or states, or a larger --bandwidth."
        )
    nodes = [last]
    while nodes[-1] != first:
        nodes.append(int(before[nodes[-1]]))
    rows, columns = (axis[nodes[::-1]] for axis in np.nonzero(is_known))
    corners = np.stack([landscape.x_centres[columns], landscape.y_centres[rows]], axis=1)
    return _evenly_spaced(landscape, corners, n_points)


def rows_near_path(
    path_points: np.ndarray,  # (p, 2)
    points: np.ndarray,  # (n, 2): coordinates of the particles
    latents: np.ndarray,  # (n, latent_size)
    n_candidates: int = 20,
    ends: tuple[int, int]
    | None = None,  # the particles of the first and the last point, where they are known
) -> np.ndarray:  # (p,) int64
    """A real particle for each point of a path, such that the latents of neighbours differ little.

    Of the particles nearest to each point, one is chosen by the shortest path through latent space from start to end:
    two particles at one point of the plane may still differ in what the plane does not show.
    """
    _, candidates = cKDTree(points).query(path_points, k=min(n_candidates, len(points)))
    candidates = candidates.reshape(len(path_points), -1)  # (p, k)
    if ends is not None:
        candidates[0], candidates[-1] = ends
    cost = np.zeros(candidates.shape[1])
    choices = []
    for before, here in pairwise(candidates):
        steps = ((latents[here][:, None] - latents[before][None]) ** 2).sum(axis=2)  # (here, before)
        totals = steps + cost[None]
        choices.append(totals.argmin(axis=1))
        cost = totals.min(axis=1)
    candidate = int(cost.argmin())
    chosen = [candidate]
    for choice in reversed(choices):
        candidate = int(choice[candidate])
        chosen.append(candidate)
    return candidates[np.arange(len(path_points)), chosen[::-1]].astype(np.int64)


def _grid_graph(landscape: FreeEnergy, is_known: np.ndarray) -> tuple[csr_matrix, np.ndarray]:
    """Known cells as nodes, eight neighbours as edges; `cells` is the node of each cell, -1 for unknown ones."""
    cells = np.full(is_known.shape, -1, dtype=np.int64)
    cells[is_known] = np.arange(is_known.sum())
    resistance = np.exp(np.where(is_known, landscape.energy_in_kt, 0))
    step_y = landscape.y_centres[1] - landscape.y_centres[0]
    step_x = landscape.x_centres[1] - landscape.x_centres[0]
    # lengths in units of the bandwidth along each axis, so that the units of the components do not matter
    scale_y, scale_x = landscape.bandwidths[1], landscape.bandwidths[0]
    sources, targets, lengths = [], [], []
    for down, right in NEIGHBOUR_STEPS:
        here, there = _shifted_pairs(down, right)
        both = is_known[here] & is_known[there]
        length = np.hypot(down * step_y / scale_y, right * step_x / scale_x)
        sources.append(cells[here][both])
        targets.append(cells[there][both])
        lengths.append(length * (resistance[here] + resistance[there])[both] / 2)
    n_cells = int(is_known.sum())
    entries = (np.concatenate(lengths), (np.concatenate(sources), np.concatenate(targets)))
    return csr_matrix(entries, shape=(n_cells, n_cells)), cells


def _shifted_pairs(down: int, right: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Index ranges of all cells that have a neighbour at the given step, and of those neighbours."""
    rows = (slice(None, -down), slice(down, None)) if down else (slice(None), slice(None))
    if right == 0:
        columns = (slice(None), slice(None))
    elif right > 0:
        columns = (slice(None, -right), slice(right, None))
    else:
        columns = (slice(-right, None), slice(None, right))
    return (rows[0], columns[0]), (rows[1], columns[1])


def _nearest_known_cell(landscape: FreeEnergy, is_known: np.ndarray, point: np.ndarray) -> tuple[int, int]:
    rows, columns = np.nonzero(is_known)
    x = (landscape.x_centres[columns] - point[0]) / landscape.bandwidths[0]
    y = (landscape.y_centres[rows] - point[1]) / landscape.bandwidths[1]
    nearest = int((x**2 + y**2).argmin())
    return int(rows[nearest]), int(columns[nearest])


def _evenly_spaced(landscape: FreeEnergy, corners: np.ndarray, n_points: int) -> EnergyPath:
    steps = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    lengths = np.concatenate([[0.0], np.cumsum(steps)])
    distances = np.linspace(0, lengths[-1], n_points)
    points = np.stack([np.interp(distances, lengths, corners[:, axis]) for axis in range(2)], axis=1)
    cells = [landscape.cell_of(point) for point in points]
    energies = np.array([landscape.energy_in_kt[cell] for cell in cells])
    errors = np.array([landscape.error_in_kt[cell] for cell in cells])
    return EnergyPath(points, energies, errors, distances)
