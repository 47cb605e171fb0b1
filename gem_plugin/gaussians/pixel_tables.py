"""Tables of pixel integrals of a Gaussian, so that the fast kernels need no exponentials.

The integral of a Gaussian over the pixels around it depends only on its width and on where inside a pixel its centre lies.
Linear interpolation between 256 subpixels is good to 1e-5, and between widths one percent apart to 1e-4.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

SUBPIXELS_PER_PIXEL = 256
MINIMUM_WIDTH_IN_PIXELS = 0.2
MAXIMUM_WIDTH_IN_PIXELS = 8.0
WIDTH_STEP = 0.02  # relative distance between two widths of the table
SUPPORT_IN_WIDTHS = 3.0  # Gaussians are cut where less than 0.3 percent is left


class PixelTable(NamedTuple):
    """Weights around floor(x): the first pixel is floor(x) - footprint // 2 + 1."""

    weights: np.ndarray  # (n_widths, SUBPIXELS_PER_PIXEL + 1, footprint) float32
    derivatives: np.ndarray  # same shape: d weight / d x, per pixel
    log_of_smallest_width: float
    widths_per_log_unit: float  # 0 for a table of one width


def footprint_of(width_in_pixels: float) -> int:
    """Even number of pixels that a Gaussian of this width touches along an axis."""
    return 2 * max(2, int(np.ceil(SUPPORT_IN_WIDTHS * width_in_pixels + 0.5)))


@lru_cache(maxsize=64)
def table_of_one_width(width_in_pixels: float) -> PixelTable:
    """For clouds whose Gaussians share one width."""
    widths = np.array([width_in_pixels, width_in_pixels])
    return PixelTable(*_integrals(widths, footprint_of(width_in_pixels)), float(np.log(width_in_pixels)), 0.0)


@lru_cache(maxsize=8)
def table_of_many_widths(footprint: int) -> PixelTable:
    """For clouds with a width per Gaussian; `footprint` comes from the largest of them."""
    largest = min(MAXIMUM_WIDTH_IN_PIXELS, (footprint / 2 - 0.5) / SUPPORT_IN_WIDTHS)
    n_widths = int(np.ceil(np.log(largest / MINIMUM_WIDTH_IN_PIXELS) / WIDTH_STEP)) + 2
    widths = MINIMUM_WIDTH_IN_PIXELS * np.exp(WIDTH_STEP * np.arange(n_widths))
    return PixelTable(*_integrals(widths, footprint), float(np.log(MINIMUM_WIDTH_IN_PIXELS)), 1 / WIDTH_STEP)


def _integrals(widths: np.ndarray, footprint: int) -> tuple[np.ndarray, np.ndarray]:
    subpixels = np.arange(SUBPIXELS_PER_PIXEL + 1) / SUBPIXELS_PER_PIXEL  # x - floor(x)
    pixels = np.arange(footprint) - (footprint // 2 - 1)  # relative to floor(x)
    distances = pixels[None, None, :] - subpixels[None, :, None]
    upper, lower = (distances + 0.5) / widths[:, None, None], (distances - 0.5) / widths[:, None, None]
    weights = ndtr(upper) - ndtr(lower)
    normal_density_difference = (np.exp(-(upper**2) / 2) - np.exp(-(lower**2) / 2)) / np.sqrt(2 * np.pi)
    derivatives = -normal_density_difference / widths[:, None, None]
    return weights.astype(np.float32), derivatives.astype(np.float32)
