"""Recluster the sketch maps into states: another number, linkage, mask or part of the molecule, in a second."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.explorer.masks import FROM_FILE, MaskRequest, Masks
from gem_plugin.explorer.molecules import Molecules
from gem_plugin.explorer.sketch_voxels import SketchVoxels
from gem_plugin.landscape.basins import find_basins
from gem_plugin.landscape.number_of_states import choose_n_states
from gem_plugin.landscape.state_maps import StateMaps, average_volumes
from gem_plugin.landscape.states import build_tree, cut_into_states, silhouette
from gem_plugin.progress import Track, untracked
from gem_plugin.results.components import VolumeComponents
from gem_plugin.results.run import Run
from gem_plugin.settings import AUTOMATIC

WHOLE = "whole"
MAXIMUM_MAPS_AVERAGED = 60  # of a state, those with most particles
MAXIMUM_DISTANCES_KEPT = 12  # of masks and regions
MAPS_AT_A_TIME = 4


@dataclass(frozen=True)
class Reclustering:
    """Sketch maps in states, and all particles with them."""

    map_states: np.ndarray  # (k,) int64 from 1
    particle_states: np.ndarray  # (n,) int64, 0 = none
    tree: np.ndarray  # (k - 1, 4)
    linkage: str
    silhouette: float


class OpenedSketch:
    """The sketch of a finished landscape, ready to be reclustered."""

    def __init__(self, run: Run, molecules: Molecules) -> None:
        sketch = run.sketch()
        self.molecules = molecules
        self.masks = Masks(run.files, molecules.source)
        self.rows = sketch.rows  # (k,)
        self.labels = sketch.labels  # (n,): position of the sketch map of every particle, -1: none
        self.counts = np.maximum(sketch.counts, 1)
        self.distances = {(WHOLE, MaskRequest()): VolumeComponents.load_distances(run.files.landscape)}
        self.motion = run.motion
        self.lock = threading.Lock()
        self._voxels: SketchVoxels | None = None
        if len(self.labels) != molecules.source.n_particles:
            raise InputError(
                f"The landscape belongs to other particles. Run `gem-em landscape {run.files.root}` again."
            )

    def regions(self) -> list[str]:
        """The whole mask, and the parts of the molecule that move together."""
        n_parts = 0 if self.motion is None else int(self.motion.parts.max())
        return [WHOLE, *(f"part {number}" for number in range(1, n_parts + 1))]

    def recluster(
        self, n_states: int | Literal["auto"], linkage: str, region: str, mask: MaskRequest
    ) -> Reclustering:
        """Cut the tree of the distances inside the mask, and inside the region where one is given; auto: as many states as there are basins."""
        if region not in self.regions():
            raise InputError(f"There is no region {region!r}; there are {', '.join(self.regions())}.")
        if n_states != AUTOMATIC and not 1 <= n_states <= len(self.rows):
            raise InputError(
                f"The number of states is {n_states}; expected 1 to {len(self.rows)}, the number of sketch maps."
            )
        distances = self._distances_in(region, mask)
        weights = self.counts.astype(np.float64)
        if n_states == AUTOMATIC:
            n_states, linkage, _ = choose_n_states(
                find_basins(distances, weights), distances, weights, linkage
            )
        tree = build_tree(distances, linkage)
        states = cut_into_states(tree, n_states, weights)
        of_particles = np.where(self.labels < 0, 0, states[self.labels])
        return Reclustering(states, of_particles, tree, linkage, silhouette(distances, states))

    def average(self, map_states: np.ndarray, number: int) -> StateMaps:
        """Mean and spread of the maps of a state; of a large one, the maps with most particles."""
        members = np.flatnonzero(map_states == number)
        if not len(members):
            raise InputError(f"There is no state {number}; the states are 1 to {int(map_states.max())}.")
        members = members[np.argsort(-self.counts[members], kind="stable")][:MAXIMUM_MAPS_AVERAGED]
        return average_volumes(self._decoded(self.rows[members]), self.counts[members])

    def voxels(self, track: Track = untracked) -> SketchVoxels:
        """The sketch maps as a matrix; decoded once."""
        with self.lock:
            if self._voxels is None:
                scan = self.masks.scan
                volumes = track(self._decoded(self.rows), "sketch maps", len(self.rows), "map")
                self._voxels = SketchVoxels(volumes, len(self.rows), scan.brightest, self.masks.bright_level)
            return self._voxels

    def _distances_in(self, region: str, mask: MaskRequest) -> np.ndarray:  # (k, k)
        request = (region, mask)
        if request not in self.distances:
            voxels, source = self.voxels(), self.molecules.source
            weights = voxels.weights_of(self.masks.mask(mask))
            if region != WHOLE:
                assert self.motion is not None
                number = int(region.removeprefix("part "))
                weights = weights * voxels.is_in_part(
                    self.motion, number, source.pixel_size_in_angstroms, source.is_flipped
                )
            distances = voxels.distances(weights, self.counts)
            if mask.kind == FROM_FILE:  # the file may be another one next time
                return distances
            while len(self.distances) >= MAXIMUM_DISTANCES_KEPT:
                self.distances.pop(next(key for key in self.distances if key != (WHOLE, MaskRequest())))
            self.distances[request] = distances
        return self.distances[request]

    def _decoded(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Maps of particles; a few at a time, so that a click in between is answered soon."""
        source = self.molecules.source
        for start in range(0, len(rows), MAPS_AT_A_TIME):
            with self.molecules.lock:
                volumes = list(source.decode(source.latents[rows[start : start + MAPS_AT_A_TIME]]))
            yield from volumes
