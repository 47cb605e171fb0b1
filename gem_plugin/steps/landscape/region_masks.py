"""Regions as the user names them: arm=arm.mrc, one mask each, on any grid that covers the same box."""

from pathlib import Path

import numpy as np

from gem_plugin.io.mrc.maps import read_map
from gem_plugin.landscape.mask import check_mask, fit_mask_to_grid


def read_regions(
    regions: tuple[str, ...], box_size: int, pixel_size_in_angstroms: float
) -> dict[str, np.ndarray]:  # name -> (d, d, d)
    """Read every region on the grid of the maps."""
    masks = {}
    for text in regions:
        name, _, path = text.partition("=")
        given = read_map(Path(path))
        mask = fit_mask_to_grid(
            given.volume, given.pixel_size_in_angstroms, box_size, pixel_size_in_angstroms
        )
        check_mask(mask, box_size)
        masks[name] = mask
    return masks
