"""The focus mask of training: read, brought to the working box, and turned into the Gaussians that may change."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gem_plugin.heterogeneity.focus import gaussians_inside
from gem_plugin.imaging.fourier import fourier_crop_volume
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.map_checks import read_matching_mask
from gem_plugin.particles.prepared import load_prepared_table


def mobile_gaussians(
    run: RunFiles,
    mask_file: Path | None,  # None: all may change
    positions_in_pixels: Tensor,  # (n, 3), of the working box
    box_size: int,  # the working box
) -> Tensor | None:  # (n,) bool; None for all
    """Raises InputError for a mask of another box, and for one without any Gaussian."""
    if mask_file is None:
        return None
    mask = _read_mask(run, mask_file)
    return gaussians_inside(fourier_crop_volume(torch.from_numpy(mask), box_size), positions_in_pixels)


def check_focus_mask(run: RunFiles, mask_file: Path | None) -> None:
    """Refuse a mask of another box before the images are read."""
    if mask_file is not None:
        _read_mask(run, mask_file)


def _read_mask(run: RunFiles, mask_file: Path) -> np.ndarray:  # (box, box, box) of the original images
    _, _, origin = load_prepared_table(run)
    return read_matching_mask(
        Path(mask_file), origin.original_box_size, origin.original_pixel_size_in_angstroms
    )
