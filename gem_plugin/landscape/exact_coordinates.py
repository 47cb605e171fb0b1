"""Exact linear functionals of the map of a Gaussian cloud, without making the map.

A map is a sum of Gaussians, V(v) = sum_i a_i G_i(v). Any weighted sum over its voxels is therefore

    sum_v W(v) V(v) = sum_i a_i sum_v W(v) G_i(v),

the amplitude of each Gaussian times the weight map W, blurred by that Gaussian, at its place. G_i is the integral of
the Gaussian over the voxel, cut off as in gaussians.volume, so both sides agree to rounding.

The coordinate of a particle on a volume component e, with mask m and mean mu, is
sum over the mask of (max(m V, 0) - mu) e. With positive amplitudes m V is never negative, the clipping does nothing,
and the coordinate is the functional of W = m e, less the constant sum of mu e. That is what is computed here.
With a negative amplitude it would not be exact: `clouds_are_positive` tells, and the caller must decode instead.
"""

from collections.abc import Callable, Iterable

import numpy as np
import torch

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import as_array, cloud_in_pixels, pixel_table_for, table_scale
from gem_plugin.landscape.volume_pca import VolumePca
from gem_plugin.landscape.volume_source import VolumeSource

CLOUDS_PER_BATCH = 64
VOXELS_PER_NEIGHBOURHOOD = 4.0
CHUNKS_OF_GAUSSIANS = 32  # worked on in parallel; a fixed number, so that sums do not depend on the machine


def component_functionals(
    pca: VolumePca,
    mask: np.ndarray,  # (d, d, d), 0 to 1
) -> tuple[np.ndarray, np.ndarray]:  # weight maps (c, d, d, d) float32, constants (c,) to subtract
    """The weight maps whose functionals are the coordinates on the volume components."""
    inside = mask > 0
    weight_maps = np.zeros((len(pca.components), *mask.shape), dtype=np.float32)
    weight_maps[:, inside] = pca.components * mask[inside]
    return weight_maps, pca.components.astype(np.float64) @ pca.mean.astype(np.float64)


def evaluate_functionals(
    clouds: GaussianCloud,  # a batch: positions (b, n, 3)
    weight_maps: np.ndarray,  # (f, d, d, d) float32, ordered zyx
    pixel_size_in_angstroms: float,
) -> np.ndarray:  # (b, f) float64: sum over voxels of each weight map times each rendered map
    """Weighted sums over the maps of the clouds; equal to rendering and multiplying."""
    return FunctionalReader(weight_maps, pixel_size_in_angstroms)(clouds)


class FunctionalReader:
    """Weight maps in the layout that the inner loop wants; made once, used for many clouds."""

    def __init__(self, weight_maps: np.ndarray, pixel_size_in_angstroms: float) -> None:
        n_maps, box_size = len(weight_maps), weight_maps.shape[-1]
        by_voxel = np.ascontiguousarray(np.moveaxis(weight_maps, 0, -1), dtype=np.float32)
        self.maps = by_voxel.reshape(box_size, box_size, box_size * n_maps)
        self.n_maps = n_maps
        self.pixel_size_in_angstroms = pixel_size_in_angstroms
        self._order: np.ndarray | None = None

    def __call__(self, clouds: GaussianCloud) -> np.ndarray:  # (b, f) float64
        from gem_plugin.landscape.functionals_numba import make_functional_kernel

        positions, amplitudes, widths = self._sorted_in_voxels(clouds)
        table = pixel_table_for(torch.from_numpy(widths))
        kernel = make_functional_kernel(table.weights.shape[-1], self.n_maps, table.widths_per_log_unit > 0)
        values = np.empty((CHUNKS_OF_GAUSSIANS, len(positions), self.n_maps))
        kernel(positions, amplitudes, widths, table.weights, *table_scale(table), self.maps, values)
        return values.sum(axis=0)

    def _sorted_in_voxels(self, clouds: GaussianCloud) -> list[np.ndarray]:
        """Positions (b, n, 3), amplitudes (b, n) and widths (1 or b, n), Gaussians of one neighbourhood together.

        Neighbours read the same part of the maps, which then still lies in the processor's cache.
        """
        batch = len(clouds.positions_in_angstroms) if clouds.positions_in_angstroms.ndim == 3 else 1
        values = [
            value.detach().cpu() for value in cloud_in_pixels(clouds, batch, self.pixel_size_in_angstroms)
        ]
        if self._order is None or len(self._order) != len(clouds):
            cells = np.floor(as_array(values[0][0]) / VOXELS_PER_NEIGHBOURHOOD)
            self._order = np.lexsort(cells.T)
        order = torch.from_numpy(self._order)
        return [as_array(value[:, order]) for value in values]


def exact_functionals(
    source: VolumeSource,
    weight_maps: np.ndarray,  # (f, d, d, d), on the grid of the decoded maps
    track: Callable[[range], Iterable[int]] = iter,  # reports progress over the batches
) -> np.ndarray:  # (n, f) float64
    """Weighted sums over the maps of all particles, without decoding any map."""
    assert source.clouds_at is not None, "only clouds of Gaussians have exact functionals"
    on_clouds = weight_maps[:, ::-1] if source.is_flipped else weight_maps
    reader = FunctionalReader(on_clouds, source.cloud_pixel_size_in_angstroms)
    values = np.empty((source.n_particles, len(weight_maps)))
    for start in track(range(0, source.n_particles, CLOUDS_PER_BATCH)):
        batch = slice(start, start + CLOUDS_PER_BATCH)
        clouds = source.clouds_at(source.latents[batch])
        if not clouds_are_positive(clouds):
            raise InputError(
                "The model has Gaussians of negative amplitude, for which clipping is not linear and the coordinates "
                "have no closed form. Use --coordinates decode."
            )
        values[batch] = reader(clouds)
    return values


def clouds_are_positive(clouds: GaussianCloud) -> bool:
    """Whether no amplitude is negative, so that no voxel of the maps is."""
    return bool((clouds.amplitudes >= 0).all())
