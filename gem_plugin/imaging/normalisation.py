"""Noise of particle images: background level, scale and radial spectrum, all measured outside the particle."""

from typing import NamedTuple

import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.imaging.fourier import half_spectrum_weights, ring_indices

MINIMUM_BACKGROUND_FRACTION = 0.02  # of the pixels: fewer give no usable estimate
LOWEST_SHELLS = 2
RANGE_OF_NORMS = (1e-12, 1e15)  # of float32, so that neither the squares nor their sum leave its range
MINIMUM_POWER = 1e-12  # so that whitening never divides by zero


class BackgroundStatistics(NamedTuple):
    means: Tensor  # (batch,)
    standard_deviations: Tensor  # (batch,)


def background_mask(
    box_size: int,
    radius_in_pixels: float,  # of the particle; the inscribed circle box / 2 leaves the corners
) -> Tensor:  # (box, box) bool, True outside the particle
    """The pixels that hold noise only."""
    offsets = torch.arange(box_size) - box_size // 2
    mask = offsets[:, None] ** 2 + offsets[None, :] ** 2 > radius_in_pixels**2
    if mask.float().mean() < MINIMUM_BACKGROUND_FRACTION:
        raise InputError(
            f"A particle of {2 * radius_in_pixels:.0f} pixels across leaves no background in a box of {box_size}. "
            "Give the diameter of the molecule in Angstrom, or extract the particles in a larger box."
        )
    return mask


def measure_background(
    images: Tensor,  # (batch, box, box)
    mask: Tensor,  # (box, box) bool
) -> BackgroundStatistics:
    """Mean and standard deviation of each image over the background."""
    background = torch.nonzero(mask.flatten()).flatten()
    values = images.flatten(1).index_select(1, background)  # (batch, pixels)
    return BackgroundStatistics(values.mean(dim=1), standard_deviations(values))


def standard_deviations(values: Tensor) -> Tensor:  # (batch, n) -> (batch,)
    """As values.std(dim=1), many times faster on CPUs for values whose squares are within reach."""
    norms = torch.linalg.vector_norm(values - values.mean(dim=1, keepdim=True), dim=1)
    lowest, highest = RANGE_OF_NORMS
    if bool(((norms > lowest) & (norms < highest)).all()):
        return norms / (values.shape[1] - 1) ** 0.5
    return values.std(dim=1)


def background_power(
    images: Tensor,  # (batch, box, box)
    mask: Tensor,  # (box, box) bool
) -> Tensor:  # (box // 2 + 1,) float64: sum over the images
    """Radial power of the background per Fourier shell; white noise of variance 1 gives 1 in every shell.

    The level of the background is removed first, so that it does not fill the lowest shells.
    """
    return radial_mean(background_power_spectrum(images, mask))


def background_power_spectrum(
    images: Tensor,  # (batch, box, box)
    mask: Tensor,  # (box, box) bool
    means: Tensor | None = None,  # (batch,) of the background, where they are known
) -> Tensor:  # (box, box // 2 + 1) float64: sum over the images
    """Power of the background without its level, before the mean over each shell."""
    levels = measure_background(images, mask).means if means is None else means
    background = (images - levels[:, None, None]).mul_(mask)
    parts = torch.view_as_real(torch.fft.rfft2(background))  # (batch, box, box // 2 + 1, 2)
    sums = parts.flatten(1).square().sum(dim=0).reshape(parts.shape[1:])
    return sums.double().sum(dim=-1) / mask.sum()


def radial_mean(power: Tensor) -> Tensor:  # (box, box // 2 + 1) float64 -> (box // 2 + 1,)
    """Mean over each Fourier shell up to Nyquist."""
    box_size = power.shape[0]
    rings = ring_indices(box_size, power.device).flatten()
    weights = half_spectrum_weights(box_size, power.device).double().expand(box_size, -1).flatten()
    n_shells = box_size // 2 + 1
    total = torch.bincount(rings, power.flatten() * weights)[:n_shells]
    return total / torch.bincount(rings, weights)[:n_shells]


def noise_spectrum_from_power(
    total_power: Tensor,  # (box // 2 + 1,) float64: sum of background_power
    n_images: int,
) -> Tensor:  # (box // 2 + 1,) float64, positive
    """Mean noise power per shell. The two lowest shells lost power with the background level; the third stands for them."""
    spectrum = total_power / n_images
    spectrum[:LOWEST_SHELLS] = spectrum[LOWEST_SHELLS : LOWEST_SHELLS + 1]
    return spectrum.clamp_min(MINIMUM_POWER)
