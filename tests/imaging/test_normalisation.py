"""Noise is measured outside the particle, and white noise of variance 1 gives a spectrum of 1."""

import pytest
import torch

from gem_plugin.errors import InputError
from gem_plugin.imaging.normalisation import (
    background_mask,
    background_power,
    measure_background,
    noise_spectrum_from_power,
    standard_deviations,
)


def white_noise(n_images: int, box_size: int) -> torch.Tensor:
    return torch.randn(n_images, box_size, box_size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("box_size", [32, 33])
@pytest.mark.parametrize("variance", [1.0, 9.0])
def test_white_noise_has_a_flat_spectrum_of_its_variance(box_size: int, variance: float) -> None:
    mask = background_mask(box_size, box_size / 2)
    power = background_power(white_noise(3000, box_size) * variance**0.5, mask)
    spectrum = noise_spectrum_from_power(power, 3000)
    assert spectrum.shape == (box_size // 2 + 1,)
    torch.testing.assert_close(spectrum, torch.full_like(spectrum, variance), rtol=0.06, atol=0)


def test_smooth_noise_has_its_power_at_low_frequency() -> None:
    noise = white_noise(200, 32)
    smooth = (noise + noise.roll(1, 1) + noise.roll(1, 2) + noise.roll((1, 1), (1, 2))) / 2
    spectrum = noise_spectrum_from_power(background_power(smooth, background_mask(32, 16)), 200)
    assert spectrum[2] > 3
    assert spectrum[16] < 1


def test_particle_in_the_middle_changes_nothing() -> None:
    mask = background_mask(32, 10)
    images = white_noise(4, 32)
    with_particle = images + 50 * (~mask)
    torch.testing.assert_close(background_power(with_particle, mask), background_power(images, mask))
    for found, expected in zip(measure_background(with_particle, mask), measure_background(images, mask)):
        torch.testing.assert_close(found, expected)


def test_level_and_scale_of_the_background_are_found() -> None:
    mean, deviation = measure_background(white_noise(2, 64) * 3 + 7, background_mask(64, 20))
    torch.testing.assert_close(mean, torch.full((2,), 7.0), rtol=0.03, atol=0)
    torch.testing.assert_close(deviation, torch.full((2,), 3.0), rtol=0.05, atol=0)


def test_spectrum_is_never_zero() -> None:
    assert (noise_spectrum_from_power(torch.zeros(9, dtype=torch.float64), 1) > 0).all()


def test_particle_as_wide_as_the_diagonal_leaves_no_background() -> None:
    with pytest.raises(InputError, match="leaves no background in a box of 32"):
        background_mask(32, 23)


@pytest.mark.parametrize("scale", [1e-30, 1e-14, 1e-3, 1.0, 1e4, 1e18, 1e25])
@pytest.mark.parametrize("level", [0.0, 30.0])
def test_standard_deviations_are_those_of_torch_at_any_scale(scale: float, level: float) -> None:
    values = (white_noise(3, 64).flatten(1) + level) * scale
    torch.testing.assert_close(standard_deviations(values), values.std(dim=1), rtol=3e-6, atol=0)


def test_standard_deviation_of_constant_and_of_damaged_images_is_that_of_torch() -> None:
    values = white_noise(3, 32).flatten(1)
    values[0], values[1, 5] = 2.5, torch.nan
    torch.testing.assert_close(
        standard_deviations(values), values.std(dim=1), rtol=3e-6, atol=0, equal_nan=True
    )
