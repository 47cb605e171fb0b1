"""Half-map correlation: what the mask adds is taken out again."""

import pytest
import torch

from gem_plugin.errors import InputError
from gem_plugin.imaging.resolution import (
    first_shell_below,
    half_map_curves,
    half_transform_radius,
    low_pass,
    randomise_phases,
    resolution_in_angstroms,
)

BOX = 32


def _noise(seed: int) -> torch.Tensor:
    return torch.randn(BOX, BOX, BOX, generator=torch.Generator().manual_seed(seed))


def _soft_ball(radius: float) -> torch.Tensor:
    axis = torch.arange(BOX) - BOX // 2.0
    distance = torch.sqrt(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2)
    return ((radius - distance) / 3 + 0.5).clamp(0, 1)


def test_a_tight_mask_makes_noise_agree_and_the_correction_undoes_it() -> None:
    ball = _soft_ball(5)
    signal = 20 * low_pass(_noise(1), 5) * _soft_ball(8)
    first, second = (low_pass(_noise(seed), 7) * 0 + _noise(seed) + signal for seed in (2, 3))
    sharp_mask = (ball > 0.5).float() * (1 + 5 * (low_pass(_noise(9), 12) > 0).float())  # rough: it adds much
    curves = half_map_curves(first, second, sharp_mask, torch.Generator().manual_seed(0))
    tail = slice(curves.first_randomised + 3, BOX // 2)
    assert float(curves.masked[tail].mean()) > float(curves.corrected[tail].mean()) + 0.02
    assert abs(float(curves.corrected[tail].mean())) < 0.15


def test_phases_change_only_beyond_the_shell_and_amplitudes_never() -> None:
    volume = _noise(4)
    changed = randomise_phases(volume, 6, torch.Generator().manual_seed(1))
    before, after = torch.fft.rfftn(volume), torch.fft.rfftn(changed)
    radius = half_transform_radius(BOX)
    torch.testing.assert_close(after[radius < 6], before[radius < 6], atol=1e-3, rtol=1e-3)
    inner = (radius >= 6) & (radius < BOX // 2 - 1)
    torch.testing.assert_close(after[inner].abs(), before[inner].abs(), atol=0.05, rtol=1e-2)
    product = (after[inner] * before[inner].conj()).real.sum() / (before[inner].abs() ** 2).sum()
    assert abs(float(product)) < 0.1


def test_resolution_is_where_the_curve_crosses() -> None:
    curve = torch.tensor([1.0, 1.0, 0.9, 0.5, 0.1, 0.0])
    assert first_shell_below(curve, 0.143) == 4
    assert resolution_in_angstroms(curve, 0.5, 12, 2.0) == pytest.approx(24 / 3, rel=1e-6)
    assert resolution_in_angstroms(torch.ones(6), 0.143, 12, 2.0) == 4.0


def test_a_mask_of_another_box_is_refused() -> None:
    with pytest.raises(InputError, match="The mask has shape"):
        half_map_curves(_noise(0), _noise(1), torch.ones(4, 4, 4), torch.Generator())
