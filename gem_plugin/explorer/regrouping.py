"""States again, with another number, linkage or part of the molecule: in a second, from what landscape saved."""

import threading
from dataclasses import dataclass

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.explorer.molecules import Molecules
from gem_plugin.io.array_files import read_array, read_rows
from gem_plugin.io.landscape_files import LandscapeFiles
from gem_plugin.io.map_files import read_map
from gem_plugin.io.run_files import RunFiles
from gem_plugin.landscape.gaussian_motion import GaussianMotion
from gem_plugin.landscape.state_maps import StateMaps, average_volumes
from gem_plugin.landscape.states import build_tree, cut_into_states, silhouette
from gem_plugin.landscape.volume_pca import distances_from_products, inner_products, weighted_mean
from gem_plugin.reports.run_contents import read_motion

WHOLE = "whole"
MOST_MAPS_AVERAGED = 60  # of a state, those with most particles
MOST_BYTES_OF_MAPS = 600_000_000


@dataclass(frozen=True)
class Grouping:
    """Sketch maps in states, and all particles with them."""

    map_states: np.ndarray  # (k,) int64 from 1
    particle_states: np.ndarray  # (n,) int64, 0 = none
    tree: np.ndarray  # (k - 1, 4)
    silhouette: float


class Regrouping:
    """The sketch of a finished landscape, ready to be grouped in other ways."""

    def __init__(self, run: RunFiles, molecules: Molecules) -> None:
        made_by = f"gem-em landscape {run.root}"
        files = LandscapeFiles(run.landscape)
        self.molecules = molecules
        self.rows = read_rows(files.sketch_rows, molecules.source.n_particles)
        labels = read_array(files.sketch_labels, made_by)
        first = int(labels[labels > 0].min()) if (labels > 0).any() else 1
        self.labels = np.where(labels > 0, labels - first, -1)  # (n,): sketch map of every particle
        self.counts = np.maximum(np.bincount(self.labels[self.labels >= 0], minlength=len(self.rows)), 1)
        self.distances = {WHOLE: read_array(files.distances, made_by)}
        self.mask = read_map(files.mask).volume
        self.motion = read_motion(run)
        self.lock = threading.Lock()
        self._voxels: np.ndarray | None = None
        if len(labels) != molecules.source.n_particles or len(self.counts) != len(self.rows):
            raise InputError(f"The landscape belongs to other particles. Run `{made_by}` again.")

    def regions(self) -> list[str]:
        """The whole mask, and the parts of the molecule that move together."""
        n_parts = 0 if self.motion is None else int(self.motion.parts.max())
        return [WHOLE, *(f"part {number}" for number in range(1, n_parts + 1))]

    def group(self, n_states: int, linkage: str, region: str) -> Grouping:
        """Cut the tree of the region's distances."""
        if region not in self.regions():
            raise InputError(f"There is no region {region!r}; there are {', '.join(self.regions())}.")
        distances = self._distances_in(region)
        tree = build_tree(distances, linkage)
        states = cut_into_states(tree, n_states, self.counts.astype(np.float64))
        of_particles = np.where(self.labels < 0, 0, states[self.labels])
        return Grouping(states, of_particles, tree, silhouette(distances, states))

    def average(self, map_states: np.ndarray, number: int) -> StateMaps:
        """Mean and spread of the maps of a state; of a large one, the maps with most particles."""
        members = np.flatnonzero(map_states == number)
        if not len(members):
            raise InputError(f"There is no state {number}; the states are 1 to {int(map_states.max())}.")
        members = members[np.argsort(-self.counts[members], kind="stable")][:MOST_MAPS_AVERAGED]
        source = self.molecules.source
        with self.molecules.lock:
            return average_volumes(source.decode(source.latents[self.rows[members]]), self.counts[members])

    def _distances_in(self, region: str) -> np.ndarray:  # (k, k)
        with self.lock:
            if region not in self.distances:
                assert self.motion is not None
                inside = self._is_in_part(self.motion, int(region.removeprefix("part ")))
                voxels = self._masked_voxels()[:, inside]
                centre = weighted_mean(voxels, self.counts.astype(np.float64))
                self.distances[region] = distances_from_products(inner_products(voxels, centre))
            return self.distances[region]

    def _masked_voxels(self) -> np.ndarray:  # (k, v) float32
        """The voxels of all sketch maps inside the mask; decoded once."""
        if self._voxels is None:
            inside = self.mask > 0
            if 4 * len(self.rows) * int(inside.sum()) > MOST_BYTES_OF_MAPS:
                raise InputError(
                    "The maps are too large to keep for regions. Run `gem-em landscape` with --mask."
                )
            source = self.molecules.source
            with self.molecules.lock:
                volumes = source.decode(source.latents[self.rows])
                self._voxels = np.stack([np.maximum(volume[inside], 0) for volume in volumes])
        return self._voxels

    def _is_in_part(self, motion: GaussianMotion, number: int) -> np.ndarray:  # (v,) bool
        """Masked voxels whose nearest Gaussian belongs to the part."""
        from scipy.spatial import cKDTree

        box, pixel_size = len(self.mask), self.molecules.source.pixel_size_in_angstroms
        voxels = np.argwhere(self.mask > 0)[:, ::-1]  # (v, 3), ordered xyz
        _, nearest = cKDTree(motion.positions_in_angstroms).query((voxels - box // 2) * pixel_size)
        return motion.parts[nearest] == number
