"""The mask: which voxels the landscape looks at. Found from the sketch maps themselves, or given."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.imaging.bright_level import BRIGHT_PERCENTILE
from gem_plugin.particles.map_checks import mask_on_grid
from gem_plugin.particles.map_grids import Grid


class VolumeScan(NamedTuple):
    """What one pass over the sketch maps gives."""

    brightest: np.ndarray  # (d, d, d): maximum over the maps, voxel by voxel
    bright_levels: np.ndarray  # (k,): the 99.99th percentile of every map
    mean: np.ndarray  # (d, d, d) float32: weighted mean map


def scan_volumes(
    volumes: Iterable[Tensor],  # k maps (d, d, d), one after the other
    weights: np.ndarray,  # (k,), not all zero
) -> VolumeScan:
    """Collect in one pass what the mask and the mean map need, where the maps lie."""
    brightest = mean = None
    levels = []
    for volume, weight in zip(volumes, weights / weights.sum(), strict=True):
        levels.append(bright_level(volume))
        if brightest is None or mean is None:
            brightest, mean = volume.clone(), torch.zeros_like(volume, dtype=torch.float64)
        torch.maximum(brightest, volume, out=brightest)
        mean.add_(volume, alpha=float(weight))
    assert brightest is not None, "a sketch has at least one map"
    assert mean is not None
    return VolumeScan(brightest.cpu().numpy(), torch.stack(levels).cpu().numpy(), mean.float().cpu().numpy())


def bright_level(volume: Tensor) -> Tensor:  # () float64; no wait for the device
    """The 99.99th percentile of the voxels, linearly interpolated between neighbours."""
    values = volume.flatten()
    position = (len(values) - 1) * (BRIGHT_PERCENTILE / 100)
    below = int(position)
    top = values.topk(len(values) - below).values.double()  # falling, down to the voxel at `below`
    lower, upper = top[-1], top[max(len(top) - 2, 0)]
    return lower + (upper - lower) * (position - below)


def automatic_threshold(scan: VolumeScan, level: float) -> float:
    """A fraction of the bright level, averaged over the maps; one half is cryoDRGN's rule."""
    return float(scan.bright_levels.mean() * level)


def make_mask(
    brightest: np.ndarray,  # (d, d, d): maximum over the maps
    threshold: float,
    pixel_size_in_angstroms: float,
    dilate_in_angstroms: float,
    cosine_edge_in_angstroms: float,
) -> np.ndarray:  # (d, d, d) float32, 0 to 1
    """Voxels that reach the threshold in any map, grown by a margin, with a soft edge outside it.

    The union of the grown masks of all maps equals the grown union, so one maximum map suffices.
    Growth steps go to the six neighbours. The edge falls as a cosine of the distance to the grown union.
    """
    inside = brightest >= threshold
    if not inside.any():
        raise InputError(
            f"The mask is empty: no voxel of any map reaches the threshold {threshold:.4g} "
            f"(the brightest voxel is {brightest.max():.4g}). Give a lower --thresh, or none."
        )
    n_steps = int(dilate_in_angstroms / pixel_size_in_angstroms)
    edge_in_voxels = cosine_edge_in_angstroms / pixel_size_in_angstroms
    part = _box_around(inside, n_steps + math.ceil(edge_in_voxels))
    mask = np.zeros(inside.shape, np.float32)
    mask[part] = _grown(inside[part], n_steps, edge_in_voxels)
    return mask


def _box_around(inside: np.ndarray, margin_in_voxels: int) -> tuple[slice, ...]:
    """The part of the box that the molecule takes, with a margin: distances in all of it take ten times as long."""
    ranges = [np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    return tuple(
        slice(max(0, int(one[0]) - margin_in_voxels), int(one[-1]) + 1 + margin_in_voxels) for one in ranges
    )


def _grown(inside: np.ndarray, n_steps: int, edge_in_voxels: float) -> np.ndarray:
    if n_steps > 0:
        inside = ndimage.binary_dilation(inside, iterations=n_steps)
    mask = inside.astype(np.float32)
    if edge_in_voxels > 0:
        distance = ndimage.distance_transform_edt(~inside)
        in_edge = (distance > 0) & (distance < edge_in_voxels)
        mask[in_edge] = 0.5 + 0.5 * np.cos(np.pi * distance[in_edge] / edge_in_voxels)
    return mask


def check_mask(mask: np.ndarray, box_size: int) -> None:
    """Refuse a mask that selects nothing or belongs to another box."""
    if mask.shape != (box_size,) * 3:
        raise InputError(f"The mask has shape {mask.shape}; the maps have {box_size} voxels along each side.")
    if not np.isfinite(mask).all() or mask.min() < 0:
        raise InputError("The mask holds negative or undefined values; expected 0 (outside) to 1 (inside).")
    if not (mask > 0).any():
        raise InputError("The mask is empty: no voxel is above zero. Check its threshold and pixel size.")


def fit_mask_to_grid(
    mask: np.ndarray,  # (b, b, b)
    mask_pixel_size_in_angstroms: float,  # 0 or 1 when unknown
    box_size: int,
    pixel_size_in_angstroms: float,
    name: Path | str = "the mask",  # for messages
) -> np.ndarray:  # (box_size,) * 3 float32
    """Resample a mask about its centre to another grid; refuse one whose voxel size is unclear (see particles.map_grids)."""
    return mask_on_grid(mask, mask_pixel_size_in_angstroms, Grid(box_size, pixel_size_in_angstroms), name)
