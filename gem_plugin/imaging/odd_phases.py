"""Phases of odd aberrations (beam tilt, trefoil, a shift) of images: the factors that take them off a spectrum.

An image of odd phase phi shows F(s) exp(+i phi(M s)), M its magnification matrix (compared with relion_reconstruct).
"""

import torch
from torch import Tensor

from gem_plugin.imaging.fourier import half_spectrum_frequencies
from gem_plugin.imaging.zernike import ODD, zernike_sum


def odd_phase_factors(
    odd_zernike: Tensor,  # (batch, k) radians, in RELION's order
    magnification: Tensor | None,  # (batch, 2, 2); None for the identity
    box_size: int,
    pixel_size_in_angstroms: float,
) -> Tensor:  # (batch, box, box // 2 + 1) complex64, zero frequency first
    """exp(-i phi(M s)), which makes a spectrum free of its odd phases; 1 at Nyquist, where an image has both signs of s in one."""
    x, y = half_spectrum_frequencies(box_size, pixel_size_in_angstroms, odd_zernike, magnification)
    phases = zernike_sum(odd_zernike, x, y, ODD)
    if box_size % 2 == 0:
        phases[:, box_size // 2] = 0
        phases[:, :, box_size // 2] = 0
    return torch.polar(torch.ones_like(phases), -phases).to(torch.complex64)


def multiply_spectra(
    images: Tensor,  # (batch, box, box)
    factors: Tensor,  # (batch, box, box // 2 + 1) complex
) -> Tensor:  # same shape as images
    """Images whose Fourier transforms are multiplied by the factors."""
    return torch.fft.irfft2(torch.fft.rfft2(images) * factors, s=images.shape[-2:])
