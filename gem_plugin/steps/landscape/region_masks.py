"""Regions as the user names them: arm=arm.mrc, one mask each, on any grid that covers the same box."""

from pathlib import Path

import numpy as np

from gem_plugin.results.masks import Grid, read_mask_on_grid


def read_regions(
    regions: tuple[str, ...],
    box_size: int,
    pixel_size_in_angstroms: float,
    original: Grid | None = None,  # of the particles
) -> dict[str, np.ndarray]:  # name -> (d, d, d)
    """Read every region on the grid of the maps."""
    named = [text.partition("=") for text in regions]
    return {
        name: read_mask_on_grid(Path(path), box_size, pixel_size_in_angstroms, original)
        for name, _, path in named
    }
