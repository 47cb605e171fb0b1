"""A first cloud of Gaussians from a consensus map: where they go and how many there are."""

from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial import cKDTree

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.imaging.bright_level import DISPLAY_PERCENTILE
from gem_plugin.progress import Track, untracked

NOISE_STANDARD_DEVIATIONS = 4.0  # a voxel this far above the noise outside the molecule is density
FRACTION_OF_PEAK = 0.1  # and at least this part of the strongest density (its DISPLAY_PERCENTILE)
MINIMUM_ISLAND = 0.02  # of the largest: smaller islands are noise
LLOYD_ROUNDS = 8  # rounds of moving centres to the mean of their voxels
MAXIMUM_GAUSSIANS = 8192


class MapDensity(NamedTuple):
    """The voxels that count as molecule."""

    voxels: np.ndarray  # (n, 3) int, ordered zyx
    densities: np.ndarray  # (n,)
    threshold: float


def automatic_threshold(volume: np.ndarray) -> float:
    """Above the noise outside the largest sphere, and above a tenth of the strongest density."""
    box = len(volume)
    axis = np.arange(box) - box // 2
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2)
    outside = volume[radius > box / 2 - 1]
    noise_level = float(np.median(outside))
    noise_standard_deviation = 1.4826 * float(np.median(np.abs(outside - noise_level)))
    peak = float(np.percentile(volume, DISPLAY_PERCENTILE))
    return max(noise_level + NOISE_STANDARD_DEVIATIONS * noise_standard_deviation, FRACTION_OF_PEAK * peak)


def find_density(
    volume: np.ndarray,  # (z, y, x)
    threshold: float | None = None,
    mask: np.ndarray | None = None,  # (z, y, x), 0 to 1
) -> MapDensity:
    """Voxels above the threshold, inside the mask, without small islands."""
    level = automatic_threshold(volume) if threshold is None else threshold
    is_density = volume > level
    if mask is not None:
        is_density &= mask > 0.5
    if not is_density.any():
        raise InputError(
            f"No voxel of the map is above the threshold {level:.4g} (its largest value is {volume.max():.4g})"
            f"{' inside the mask' if mask is not None else ''}. Give a lower --threshold or another map."
        )
    islands, _ = ndimage.label(is_density)
    sizes = np.bincount(islands.ravel())
    sizes[0] = 0
    kept = np.flatnonzero(sizes >= MINIMUM_ISLAND * sizes.max())
    is_density = np.isin(islands, kept[kept > 0])
    return MapDensity(np.argwhere(is_density), np.maximum(volume[is_density], 1e-6 * volume.max()), level)


def gaussians_from_density(
    density: MapDensity,
    box_size: int,
    width_in_pixels: float,
    n_gaussians: int | None = None,  # None: one per voxel, at most MAXIMUM_GAUSSIANS
    seed: int = 0,
    track: Track = untracked,
) -> GaussianCloud:  # in pixels of the map
    """Distribute Gaussians over the density by weighted k-means; each takes the density of its cell.

    Raises InputError when more Gaussians are asked for than there are voxels.
    """
    n_voxels = len(density.voxels)
    requested = min(n_voxels, MAXIMUM_GAUSSIANS) if n_gaussians is None else n_gaussians
    if requested > n_voxels:
        raise InputError(
            f"--n-gaussians is {requested}, but only {n_voxels} voxels are above the threshold {density.threshold:.4g}. "
            "Give fewer Gaussians or a lower --threshold."
        )
    points = (density.voxels[:, ::-1] - box_size // 2).astype(np.float64)  # (n_voxels, 3) xyz
    centres = points
    if requested < n_voxels:
        centres = weighted_centres(points, density.densities, requested, seed, track)
    cells = cKDTree(centres).query(points)[1]
    masses = np.bincount(cells, density.densities, len(centres))
    kept = masses > 0
    positions = torch.tensor(centres[kept], dtype=torch.float32)
    amplitudes = torch.tensor(masses[kept], dtype=torch.float32)
    widths = torch.full((len(positions),), width_in_pixels)
    return GaussianCloud(positions, amplitudes, widths, LengthUnit.PIXEL)


def weighted_centres(
    points: np.ndarray, weights: np.ndarray, n_centres: int, seed: int, track: Track = untracked
) -> np.ndarray:
    """Lloyd's k-means from a weighted random start: a nearest-neighbour tree does thousands of centres in a second."""
    generator = np.random.default_rng(seed)
    first = generator.choice(len(points), n_centres, replace=False, p=weights / weights.sum())
    centres = points[first]
    for _ in track(range(LLOYD_ROUNDS), "positions of the Gaussians", unit="round"):
        cells = cKDTree(centres).query(points)[1]
        mass = np.bincount(cells, weights, n_centres)
        sums = np.stack([np.bincount(cells, weights * points[:, axis], n_centres) for axis in range(3)], 1)
        centres = np.where(mass[:, None] > 0, sums / np.maximum(mass, 1e-30)[:, None], centres)
    return centres
