"""Named regions of the molecule: how much of each is there, and how far it moves, map by map.

Both follow from four weighted sums over the voxels of the region: its mass, and its mass times x, y and z.
They are linear in the map, so for Gaussians they are exact for every particle without making a map.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError

SUMS_PER_REGION = 4  # mass, and mass times x, y, z
MINIMUM_FRACTION_OF_MASS = 1e-4  # a region with less of the molecule's mass lies outside it


@dataclass(frozen=True)
class RegionMeasures:
    """One row per map (or particle), one column per region."""

    names: tuple[str, ...]
    occupancy: np.ndarray  # (k, r): mass in the region over its weighted mean, 1 on average
    motion_in_angstroms: np.ndarray  # (k, r): distance of the centre of mass from its weighted mean


def region_weight_maps(
    regions: Mapping[str, np.ndarray],  # name -> (d, d, d), 0 to 1
    pixel_size_in_angstroms: float,
) -> np.ndarray:  # (4 r, d, d, d) float32: for each region 1, x, y, z times the region
    """The weights whose sums over a map give mass and first moments, x, y, z in Angstrom from the centre."""
    maps = []
    for region in regions.values():
        box_size = len(region)
        axis = (np.arange(box_size) - box_size // 2) * pixel_size_in_angstroms
        maps += [
            region,
            region * axis[None, None, :],
            region * axis[None, :, None],
            region * axis[:, None, None],
        ]
    return np.stack(maps).astype(np.float32)


def sum_over_regions(
    volumes: Iterable[Tensor],  # k maps, all on one device
    weight_maps: np.ndarray,
) -> np.ndarray:  # (k, 4 r) float64
    """The weighted sums of given maps; negative voxels count as none, as in the components."""
    used = torch.from_numpy(np.flatnonzero((weight_maps != 0).any(axis=0).ravel()))
    weights = torch.from_numpy(weight_maps.reshape(len(weight_maps), -1))[:, used]
    sums = [torch.zeros(0, len(weight_maps))]  # of no volume
    for volume in volumes:
        used, weights = used.to(volume.device), weights.to(volume.device)
        sums.append((weights @ volume.flatten()[used].clamp_min(0))[None].cpu())
    return torch.cat(sums).double().numpy()


def measure_regions(
    names: Iterable[str],
    sums: np.ndarray,  # (k, 4 r)
    weights: np.ndarray,  # (k,): particles per map
) -> RegionMeasures:
    """Occupancy and motion from the weighted sums."""
    by_region = sums.reshape(len(sums), -1, SUMS_PER_REGION)
    mass = by_region[:, :, 0]  # (k, r)
    fractions = weights / weights.sum()
    mean_mass = fractions @ mass
    with np.errstate(divide="ignore", invalid="ignore"):
        centres = by_region[:, :, 1:] / mass[:, :, None]  # (k, r, 3)
    is_there = mass > 1e-3 * mean_mass
    centres = np.where(is_there[:, :, None], centres, np.nan)  # an empty region has no centre
    present = np.where(is_there, fractions[:, None], 0)  # (k, r)
    mean_centres = np.einsum("kr,kra->ra", present, np.nan_to_num(centres)) / present.sum(axis=0)[:, None]
    motion = np.linalg.norm(centres - mean_centres, axis=2)
    return RegionMeasures(tuple(names), mass / mean_mass, motion)


def check_regions(regions: Mapping[str, np.ndarray], mean_volume: np.ndarray) -> None:
    """Refuse regions that hold nothing of the molecule."""
    density = np.maximum(mean_volume, 0)
    for name, region in regions.items():
        if region.shape != mean_volume.shape:
            raise InputError(f"Region {name} has shape {region.shape}; the maps have {mean_volume.shape}.")
        fraction = float((region * density).sum() / density.sum())
        if fraction < MINIMUM_FRACTION_OF_MASS:
            raise InputError(
                f"Region {name} lies outside the molecule: it holds {fraction:.2g} of the density of the mean map. "
                "Was its mask made for another map, box or origin?"
            )


def focus_mask(mask: np.ndarray, regions: Mapping[str, np.ndarray]) -> np.ndarray:  # (d, d, d)
    """The mask, weighted by the strongest region at each voxel: what lies in no region is left out."""
    focused = mask * np.max(list(regions.values()), axis=0)
    if not (focused > 0).any():
        raise InputError(
            "The regions and the mask have no voxel in common. Give --mask, or a larger --dilate."
        )
    return focused.astype(np.float32)
