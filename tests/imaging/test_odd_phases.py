"""Odd phases come off images on any grid; what they mean is compared with RELION in tests/whole/test_relion_optics.py."""

import numpy as np
import pytest
import torch

from gem_plugin.imaging.fourier import fourier_crop_images
from gem_plugin.imaging.odd_phases import multiply_spectra, odd_phase_factors

COEFFICIENTS = torch.tensor([[1.0, -2.0, 40.0, 10.0, -15.0, -30.0]], dtype=torch.float64)
MATRIX = torch.tensor([[[1.03, 0.02], [-0.01, 0.96]]], dtype=torch.float64)


def without_nyquist(images: torch.Tensor) -> torch.Tensor:
    box = images.shape[-1]
    spectra = torch.fft.rfft2(images)
    spectra[:, box // 2], spectra[:, :, box // 2] = 0, 0
    return torch.fft.irfft2(spectra, s=images.shape[-2:])


@pytest.mark.parametrize("axis", [0, 1])
def test_a_linear_phase_is_a_shift(axis: int) -> None:
    """phi = 2 pi d x moves density by -d along x; taking it off moves it by +d. Coefficient 0 is y, 1 is x."""
    image = torch.zeros(1, 16, 16)
    image[0, 8, 8] = 1
    coefficients = torch.zeros(1, 6, dtype=torch.float64)
    coefficients[0, axis] = 2 * np.pi * 6.0  # 3 pixels of 2 Angstrom
    moved = multiply_spectra(without_nyquist(image), odd_phase_factors(coefficients, None, 16, 2.0))
    expected = torch.roll(without_nyquist(image), 3, dims=2 if axis == 1 else 1)
    assert float((moved - without_nyquist(expected)).abs().max()) < 1e-5


def test_the_phase_is_taken_at_the_stretched_frequency() -> None:
    factors = odd_phase_factors(COEFFICIENTS, MATRIX, 32, 2.0)
    x, y = 5 / 64, -3 / 64
    u, v = 1.03 * x + 0.02 * y, -0.01 * x + 0.96 * y
    r, t = np.hypot(u, v), np.arctan2(v, u)
    terms = [v, u, r**3 * np.sin(3 * t), (3 * r**2 - 2) * v, (3 * r**2 - 2) * u, r**3 * np.cos(3 * t)]
    phase = sum(c * z for c, z in zip(COEFFICIENTS[0].tolist(), terms, strict=True))
    assert complex(factors[0, 29, 5]) == pytest.approx(np.exp(-1j * phase), abs=1e-6)


@pytest.mark.parametrize("box", [32, 33])
def test_images_stay_real_and_keep_their_power(box: int) -> None:
    images = without_nyquist(torch.randn(2, box, box)) if box % 2 == 0 else torch.randn(2, box, box)
    factors = odd_phase_factors(COEFFICIENTS, MATRIX, box, 2.0)
    there = multiply_spectra(images, factors)
    assert float(there.square().sum()) == pytest.approx(float(images.square().sum()), rel=1e-4)
    assert float((there - images).abs().max()) > 0.1
    torch.testing.assert_close(multiply_spectra(there, factors.conj()), images, atol=1e-5, rtol=1e-4)


def test_coefficients_hold_after_a_fourier_crop() -> None:
    images = torch.randn(2, 48, 48)
    before = fourier_crop_images(multiply_spectra(images, odd_phase_factors(COEFFICIENTS, None, 48, 1.5)), 36)
    after = multiply_spectra(fourier_crop_images(images, 36), odd_phase_factors(COEFFICIENTS, None, 36, 2.0))
    torch.testing.assert_close(without_nyquist(before), without_nyquist(after), atol=2e-5, rtol=1e-4)
