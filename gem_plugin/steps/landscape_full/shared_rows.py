"""Numbers of every particle that landscape-full reads off maps; of several processes each does its part of the particles.

The first process does the step and asks the others for each kind of number; they know the same model, mask and regions.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from gem_plugin.landscape.exact_coordinates import CLOUDS_PER_BATCH, component_functionals, exact_functionals
from gem_plugin.landscape.regions import region_weight_maps, sum_over_regions
from gem_plugin.landscape.volume_pca import select_masked_voxels
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.processes.channel import open_channel
from gem_plugin.processes.workers import Workers
from gem_plugin.progress import Progress
from gem_plugin.results.components import VolumeComponents

EXACT, DECODED, REGIONS = "exact coordinates", "decoded maps", "regions"  # also what the log calls them
LAST = "no more rows"


@dataclasses.dataclass(frozen=True)
class SharedRows:
    """What every process knows."""

    source: VolumeSource
    basis: VolumeComponents
    regions: dict[str, np.ndarray]  # name -> (d, d, d)
    workers: Workers
    progress: Progress

    def values(
        self,
        kind: str,
        rows: np.ndarray | None = None,  # (k,); None: all particles
    ) -> np.ndarray:  # (n or k, numbers) float64
        """In the first process: the numbers of the particles, in the order of the rows."""
        if self.workers.size > 1:
            open_channel().ask(work=kind)
            rows = self.workers.from_first(rows)
        return self._own_values(kind, rows)

    def help_until_last(self) -> None:
        """In the others: whatever the first asks for."""
        while (kind := open_channel().asked()["work"]) != LAST:
            self._own_values(kind, self.workers.from_first(None))

    def end(self) -> None:
        """In the first process, when it needs no more numbers."""
        if self.workers.size > 1:
            open_channel().ask(work=LAST)

    def _own_values(self, kind: str, rows: np.ndarray | None) -> np.ndarray:
        n_rows = self.source.n_particles if rows is None else len(rows)
        part = self.workers.own_part(n_rows, CLOUDS_PER_BATCH)
        latents = self.source.latents[part] if rows is None else self.source.latents[rows[part]]
        values = self._numbers_of()[kind](dataclasses.replace(self.source, latents=latents))
        return self.workers.gathered(values, n_rows, CLOUDS_PER_BATCH)

    def _numbers_of(self) -> dict[str, Callable[[VolumeSource], np.ndarray]]:
        return {EXACT: self._exact, DECODED: self._decoded, REGIONS: self._of_regions}

    def _exact(self, source: VolumeSource) -> np.ndarray:  # (k, components)
        weight_maps, constants = component_functionals(self.basis.pca, self.basis.mask)
        return exact_functionals(source, weight_maps, self.progress.track, EXACT) - constants

    def _decoded(self, source: VolumeSource) -> np.ndarray:  # (k, components)
        """Decode, mask, clip and project, exactly as the sketch maps were treated."""
        values = np.empty((source.n_particles, len(self.basis.pca.components)))
        volumes = self.progress.track(source.decode(source.latents), DECODED, source.n_particles, "map")
        for index, volume in enumerate(volumes):
            values[index] = self.basis.pca.project(select_masked_voxels(volume, self.basis.mask))
        return values

    def _of_regions(self, source: VolumeSource) -> np.ndarray:
        weight_maps = region_weight_maps(self.regions, self.basis.pixel_size_in_angstroms)
        if source.clouds_at is not None:
            return exact_functionals(source, weight_maps, self.progress.track, REGIONS)
        volumes = self.progress.track(
            source.maps_on_device(source.latents), REGIONS, source.n_particles, "map"
        )
        return sum_over_regions(volumes, weight_maps)
