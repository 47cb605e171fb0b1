"""The molecule of a run as surfaces: its states, and the consensus coloured by what changes; all in one view.

What is there of it depends on the run: without a landscape there are no states, without Gaussians no motion, and without maps nothing.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from gem_plugin.io.mrc.maps import MapFile, read_map
from gem_plugin.landscape.motion.gaussians import GaussianMotion
from gem_plugin.reports.figures.surfaces import FINE_GRID, FineMap, Frame, fine_map, frame_of, reach_of
from gem_plugin.reports.first_page.shown_change import Arrows as Arrows
from gem_plugin.reports.first_page.shown_change import Change as Change
from gem_plugin.reports.first_page.surface_views import (
    common_level,
    common_view,
    density_points,
    displacements_between,
)
from gem_plugin.reports.sections.motion_in_words import is_partly_there
from gem_plugin.results.run import Run

MAXIMUM_STATES = 10  # that are shown: the largest
NEAREST_GAUSSIANS = 12  # whose motion colours a point of the surface
HIGHEST_PERCENTILE = 98  # of the values that are coloured
MOVING_FRACTION = 0.4  # of the largest displacement: what has an arrow
ARROWS_ACROSS = 9  # arrows side by side over the height of the frame, at most
SCALES_OF_ARROWS = (1, 2, 5, 10, 20)
MINIMUM_ARROW = 0.10  # of the height of the frame: the longest arrow
SMALLEST = 1e-12


@dataclass(frozen=True)
class ColouredConsensus:
    """The consensus, and at points in it how much changes there."""

    fine: FineMap
    level: float
    change: Change | None  # None: nothing is known
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))  # (n, 3) Å xyz
    values: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (n,)
    arrows: Arrows | None = None

    @property
    def highest(self) -> float:
        """The end of the colour bar."""
        return (
            max(float(np.percentile(self.values, HIGHEST_PERCENTILE)), SMALLEST) if len(self.values) else 1.0
        )

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.points)

    def values_at(self, positions: np.ndarray) -> np.ndarray:  # (n, 3) Å -> (n,)
        """Means over the nearest points, weighted by their inverse squared distance."""
        distances, which = self._tree.query(positions, k=min(NEAREST_GAUSSIANS, len(self.points)))
        distances, which = (one.reshape(len(positions), -1) for one in (distances, which))
        weights = 1 / np.maximum(distances, self.fine.voxel_size_in_angstroms) ** 2
        return np.einsum("nk,nk->n", weights, self.values[which]) / weights.sum(axis=1)


@dataclass(frozen=True)
class Molecule:
    """All surfaces of a run, on one view and in one frame."""

    view: np.ndarray  # (3, 3), as surfaces.py takes it
    frame: Frame
    states: dict[int, FineMap]  # by number; at most MAXIMUM_STATES
    level: float  # of the states
    consensus: ColouredConsensus


def molecule_of(run: Run, grid: int = FINE_GRID) -> Molecule | None:
    """The surfaces of what the run holds, on a grid of so many voxels; None where it holds no map."""
    maps = _maps_of_states(run)
    is_flipped = bool(run.settings("landscape").get("flip")) and bool(maps)
    consensus = _consensus_map(run, maps, is_flipped)
    if consensus is None:
        return None
    motion = _mirrored(run.motion, consensus) if run.motion and is_flipped else run.motion
    level = common_level(_mean_of(maps) if maps else consensus.volume)
    own_level = common_level(consensus.volume)
    view = _view(maps, level, consensus, own_level, motion)
    grids = [(one, level) for one in maps.values()] + [(consensus, own_level)]
    reach = max(reach_of(one.volume, one.pixel_size_in_angstroms, at) for one, at in grids)
    fine = {
        number: fine_map(one.volume, one.pixel_size_in_angstroms, reach, grid) for number, one in maps.items()
    }
    of_consensus = fine_map(consensus.volume, consensus.pixel_size_in_angstroms, reach, grid)
    frames = [
        *([frame_of(list(fine.values()), level, view)] if fine else []),
        frame_of([of_consensus], own_level, view),
    ]
    frame = Frame(
        min(one.left for one in frames),
        max(one.right for one in frames),
        min(one.bottom for one in frames),
        max(one.top for one in frames),
    )
    coloured = _coloured(motion, of_consensus, own_level, fine, level, view, frame)
    return Molecule(view, frame, fine, level, coloured)


def shown_states(run: Run) -> list[int]:
    """The states that are shown as surfaces: all, or the largest ones of many."""
    counts = run.state_counts
    largest = sorted(counts, key=lambda number: -counts[number])[:MAXIMUM_STATES]
    return sorted(largest)


def _maps_of_states(run: Run) -> dict[int, MapFile]:
    paths = run.state_maps
    return {number: read_map(paths[number]) for number in shown_states(run)}


def _consensus_map(run: Run, maps: dict[int, MapFile], is_flipped: bool) -> MapFile | None:
    """Of the mean Gaussians; else the fitted consensus; else the mean of the states."""
    for path in (run.files.chimerax.mean_map, run.files.consensus_map):
        if path.is_file() and (path != run.files.chimerax.mean_map or run.motion is not None):
            return _in_the_hand_of_states(path, is_flipped)
    if not maps:
        return next((read_map(series.paths[len(series.paths) // 2]) for series in run.series), None)
    first = next(iter(maps.values()))
    return MapFile(_mean_of(maps), first.pixel_size_in_angstroms)


def _in_the_hand_of_states(path: Path, is_flipped: bool) -> MapFile:
    one = read_map(path)
    return MapFile(one.volume[::-1].copy(), one.pixel_size_in_angstroms) if is_flipped else one


def _mean_of(maps: dict[int, MapFile]) -> np.ndarray:
    return np.mean([one.volume for one in maps.values()], axis=0)


def _view(
    maps: dict[int, MapFile],
    level: float,
    consensus: MapFile,
    own_level: float,
    motion: GaussianMotion | None,
) -> np.ndarray:
    """By the differences of the states; where there is one state, by the motion of the Gaussians."""
    if len(maps) > 1:
        volumes = [one.volume for one in maps.values()]
        size = next(iter(maps.values())).pixel_size_in_angstroms
        points = density_points(np.mean(volumes, axis=0), size, level)
        return common_view(*points, *displacements_between(volumes, size, level))
    points = density_points(consensus.volume, consensus.pixel_size_in_angstroms, own_level)
    if motion is None:
        return common_view(*points, np.zeros((0, 3)), np.zeros((0, 3)))
    displacements = motion.main_displacement_in_angstroms
    weighted = displacements * np.sqrt(np.maximum(motion.amplitudes, 0))[:, None]
    return common_view(*points, weighted, motion.positions_in_angstroms[_moves(displacements)])


def _moves(displacements: np.ndarray) -> np.ndarray:  # (n, 3) -> (n,) bool
    lengths = np.linalg.norm(displacements, axis=1)
    return (lengths > 0) & (lengths >= MOVING_FRACTION * lengths.max(initial=0))


def _mirrored(motion: GaussianMotion, one: MapFile) -> GaussianMotion:
    """The motion in the frame of a map whose slices were reversed: of an even box, z becomes -z less one voxel."""
    mirror = np.array([1, 1, -1])
    shift = 0.0 if len(one.volume) % 2 else one.pixel_size_in_angstroms
    return replace(
        motion,
        positions_in_angstroms=motion.positions_in_angstroms * mirror - [0, 0, shift],
        main_displacement_in_angstroms=motion.main_displacement_in_angstroms * mirror,
    )


def _coloured(
    motion: GaussianMotion | None,
    fine: FineMap,
    own_level: float,
    states: dict[int, FineMap],
    level: float,
    view: np.ndarray,
    frame: Frame,
) -> ColouredConsensus:
    if motion is None:
        return _coloured_by_density(fine, own_level, states, level)
    positions = motion.positions_in_angstroms
    parts = motion.moving_parts
    moving = [row for row in range(1, len(parts.gaussians)) if not is_partly_there(parts, row)]
    if len(parts.gaussians) > 1 and not moving:
        values = 100 * motion.amplitude_change
        return ColouredConsensus(fine, own_level, Change.AMPLITUDE, positions, values)
    arrows = None
    if moving:
        displacements = motion.main_displacement_in_angstroms
        arrows = _arrows(positions, displacements, motion.amplitudes, view, frame)
    return ColouredConsensus(
        fine, own_level, Change.MOTION, positions, motion.displacement_in_angstroms, arrows
    )


def _coloured_by_density(
    fine: FineMap, own_level: float, states: dict[int, FineMap], level: float
) -> ColouredConsensus:
    """How much the density at each voxel differs between the states, for models whose parts cannot be followed."""
    if len(states) < 2:
        return ColouredConsensus(fine, own_level, None)
    densities = np.stack([one.density for one in states.values()])
    inside = np.argwhere(densities.max(axis=0) >= level / 2)
    values = 100 * densities[(slice(None), *inside.T)].std(axis=0) / level
    points = (inside[:, ::-1] - len(fine.density) // 2) * next(iter(states.values())).voxel_size_in_angstroms
    return ColouredConsensus(fine, own_level, Change.DENSITY, points, values)


def _arrows(
    positions: np.ndarray, displacements: np.ndarray, amplitudes: np.ndarray, view: np.ndarray, frame: Frame
) -> Arrows | None:
    """Mean displacements of what moves, in square cells of the view."""
    moves = _moves(displacements)
    seen, moved = positions[moves] @ view[:2].T, displacements[moves] @ view[:2].T
    weights = np.maximum(amplitudes[moves], SMALLEST)
    cell = frame.height / ARROWS_ACROSS
    _, which = np.unique(np.floor(seen / cell).astype(np.int64), axis=0, return_inverse=True)
    which = which.ravel()
    mass = np.bincount(which, weights)
    starts, ways = (
        np.stack([np.bincount(which, weights * one[:, axis]) / mass for axis in (0, 1)], axis=1)
        for one in (seen, moved)
    )
    lengths = np.linalg.norm(ways, axis=1)
    kept = (mass > np.median(mass) / 2) & (lengths > MOVING_FRACTION * lengths.max(initial=0))
    if not kept.any():
        return None
    longest = float(lengths[kept].max())
    scale = next(
        (one for one in SCALES_OF_ARROWS if one * longest >= MINIMUM_ARROW * frame.height),
        SCALES_OF_ARROWS[-1],
    )
    return Arrows(starts[kept], starts[kept] + scale * ways[kept], scale)
