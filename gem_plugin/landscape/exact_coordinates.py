"""Exact linear functionals of the map of a Gaussian cloud, without making the map.

A map is a sum of Gaussians, V(v) = sum_i a_i G_i(v). Any weighted sum over its voxels is therefore

    sum_v W(v) V(v) = sum_i a_i sum_v W(v) G_i(v),

the amplitude of each Gaussian times the weight map W, blurred by that Gaussian, at its position. G_i is the integral of
the Gaussian over the voxel, cut off as in gaussians.volume, so both sides agree to rounding.

The coordinate of a particle on a volume component e, with mask m and mean mu, is
sum over the mask of (max(m V, 0) - mu) e. With positive amplitudes m V is never negative, the clipping does nothing,
and the coordinate is the functional of W = m e, less the constant sum of mu e. That is what is computed here.
With a negative amplitude it would not be exact: `clouds_are_positive` reports it, and the caller must decode instead.
"""

import numpy as np
import torch

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import as_array, pixel_table_for, table_scale
from gem_plugin.landscape.volume_pca import VolumePca
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Track, untracked

CLOUDS_PER_BATCH = 64
VOXELS_PER_NEIGHBOURHOOD = 4.0
MAPS_PER_VECTOR = 4
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


class FunctionalReader:
    """Weighted sums over the maps of clouds, equal to rendering and multiplying; made once, used for many clouds."""

    def __init__(
        self,
        weight_maps: np.ndarray,  # (f, d, d, d) float32, ordered zyx
        pixel_size_in_angstroms: float,
    ) -> None:
        self.n_maps, self.box_size = len(weight_maps), weight_maps.shape[-1]
        self.pixel_size_in_angstroms = pixel_size_in_angstroms
        self._corner, self._weights = cut_to_content(weight_maps)
        self._layout: tuple[int, np.ndarray] | None = None  # footprint and the maps with a margin for it
        self._order: np.ndarray | None = None

    def __call__(
        self,
        clouds: GaussianCloud,  # one cloud, or a batch: positions (b, n, 3)
    ) -> np.ndarray:  # (b, f) float64: sum over voxels of each weight map times each rendered map
        """Read the weight maps at the Gaussians."""
        from gem_plugin.landscape.functionals_numba import make_functional_kernel

        positions, amplitudes, widths = _as_batch(clouds.in_angstroms(self.pixel_size_in_angstroms))
        table = pixel_table_for(torch.from_numpy(widths / np.float32(self.pixel_size_in_angstroms)))
        footprint = table.weights.shape[-1]
        maps = self._maps_with_margin(footprint)
        n_together = _padded(self.n_maps)
        kernel = make_functional_kernel(footprint, n_together)
        values = np.empty((CHUNKS_OF_GAUSSIANS, len(positions), n_together))
        centre = (self.box_size // 2 - self._corner + footprint)[::-1].astype(np.float32)  # ordered xyz
        voxels_per_angstrom = np.float32(1 / self.pixel_size_in_angstroms)
        order = self._order_of(positions[0])
        cloud = (positions, amplitudes, widths, order, voxels_per_angstrom, centre)
        kernel(*cloud, table.weights, *table_scale(table), maps, values)
        return values.sum(axis=0)[:, : self.n_maps]

    def _maps_with_margin(self, footprint: int) -> np.ndarray:  # (depth, height, width * n_together)
        """The maps side by side in every voxel; the margin catches all Gaussians that touch them."""
        if self._layout is None or self._layout[0] != footprint:
            n_planes, n_rows, n_voxels = (size + 2 * footprint for size in self._weights.shape[1:])
            maps = np.zeros((n_planes, n_rows, n_voxels, _padded(self.n_maps)), np.float32)
            inner = slice(footprint, -footprint)
            maps[inner, inner, inner, : self.n_maps] = np.moveaxis(self._weights, 0, -1)
            self._layout = footprint, maps.reshape(n_planes, n_rows, -1)
        return self._layout[1]

    def _order_of(self, positions: np.ndarray) -> np.ndarray:  # (n, 3) -> (n,)
        """Gaussians of one neighbourhood together, as they lie in the first cloud that was seen.

        Neighbours read the same part of the maps, which then still lies in the processor's cache.
        """
        if self._order is None or len(self._order) != len(positions):
            cells = np.floor(positions / (VOXELS_PER_NEIGHBOURHOOD * self.pixel_size_in_angstroms))
            self._order = np.lexsort(cells.T)
        return self._order


def cut_to_content(
    weight_maps: np.ndarray,  # (f, d, d, d)
) -> tuple[np.ndarray, np.ndarray]:
    """First voxel (3,), ordered zyx, and extent of the part that holds all that is not zero.

    Most of a box lies outside the mask; what is not read need not be stored.
    """
    is_used = (weight_maps != 0).any(axis=0)
    ranges = []
    for axis in range(3):
        used = np.flatnonzero(is_used.any(axis=tuple(other for other in range(3) if other != axis)))
        ranges.append(slice(used[0], used[-1] + 1) if len(used) else slice(0, 0))
    corner = np.array([part.start for part in ranges])
    return corner, weight_maps[:, ranges[0], ranges[1], ranges[2]].astype(np.float32)


def _as_batch(clouds: GaussianCloud) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions (b, n, 3), amplitudes (b, n), widths (1 or b, n), in Angstrom, float32."""
    positions, amplitudes, widths = (
        as_array(value.cpu()) for value in (clouds.positions, clouds.amplitudes, clouds.widths)
    )
    positions = positions if positions.ndim == 3 else positions[None]
    amplitudes = np.ascontiguousarray(np.broadcast_to(amplitudes, positions.shape[:2]))
    return positions, amplitudes, widths if widths.ndim == 2 else widths[None]


def _padded(n_maps: int) -> int:
    """With a multiple of four maps (and an even footprint) rows divide into whole vectors of the processor."""
    return -(-n_maps // MAPS_PER_VECTOR) * MAPS_PER_VECTOR


def exact_functionals(
    source: VolumeSource,
    weight_maps: np.ndarray,  # (f, d, d, d), on the grid of the decoded maps
    track: Track = untracked,
    description: str = "exact sums",
) -> np.ndarray:  # (n, f) float64
    """Weighted sums over the maps of all particles, without decoding any map."""
    assert source.clouds_at is not None, "only clouds of Gaussians have exact functionals"
    on_clouds = weight_maps[:, ::-1] if source.is_flipped else weight_maps
    reader = FunctionalReader(on_clouds, source.cloud_pixel_size_in_angstroms)
    values = np.empty((source.n_particles, len(weight_maps)))
    for start in track(range(0, source.n_particles, CLOUDS_PER_BATCH), description, unit="batch"):
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
    return bool(clouds.amplitudes.min() >= 0)  # False for NaN too
