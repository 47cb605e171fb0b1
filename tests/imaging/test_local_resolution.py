"""Local resolution: two regions of known resolution come out as they are, and nothing is claimed outside the mask."""

import pytest
import torch

from gem_plugin.errors import InputError
from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.imaging.local_resolution import local_resolution
from gem_plugin.imaging.resolution import low_pass, resolution_in_angstroms

BOX, PIXEL_SIZE, WINDOW = 48, 2.0, 24
COARSE_IN_ANGSTROMS, FINE_IN_ANGSTROMS = 16.0, 8.0


def _noise(seed: int) -> torch.Tensor:
    return torch.randn(BOX, BOX, BOX, generator=torch.Generator().manual_seed(seed))


def _band_limited(seed: int, resolution_in_angstroms: float) -> torch.Tensor:
    return low_pass(_noise(seed), BOX * PIXEL_SIZE / resolution_in_angstroms)


def _half_maps(signal: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The signal with noise of each half's own."""
    return signal + 0.2 * _noise(2), signal + 0.2 * _noise(3)


def _two_regions() -> tuple[torch.Tensor, torch.Tensor]:
    """Coarse on the left (small x), fine on the right."""
    right = ((torch.arange(BOX) - BOX / 2) / 8 + 0.5).clamp(0, 1)
    coarse, fine = _band_limited(0, COARSE_IN_ANGSTROMS), _band_limited(1, FINE_IN_ANGSTROMS)
    return _half_maps((1 - right) * coarse + right * fine)


def _global_resolution(signal: torch.Tensor, threshold: float) -> float:
    curve = fourier_shell_correlation(*_half_maps(signal))
    return resolution_in_angstroms(curve, threshold, BOX, PIXEL_SIZE)


@pytest.mark.parametrize(("threshold", "shells"), [(0.5, 1.0), (0.143, 1.5)])
def test_two_regions_have_the_resolution_of_whole_maps_like_them(threshold: float, shells: float) -> None:
    """To one shell of the window, as sharp as a window can be; a low threshold feels more of what shells share."""
    found = local_resolution(*_two_regions(), torch.ones(BOX, BOX, BOX), PIXEL_SIZE, WINDOW, threshold)
    tolerance = shells / (WINDOW * PIXEL_SIZE)
    regions = {COARSE_IN_ANGSTROMS: found[..., 6:14], FINE_IN_ANGSTROMS: found[..., -14:-6]}
    for seed, (resolution, region) in enumerate(regions.items()):
        known = _global_resolution(_band_limited(seed, resolution), threshold)
        assert abs(1 / float(region.median()) - 1 / known) < tolerance
    coarse, fine = regions.values()
    assert float(coarse.quantile(0.02)) > float(fine.quantile(0.98))


def test_noise_resolves_nothing_and_equal_maps_everything() -> None:
    mask = torch.ones(BOX, BOX, BOX)
    noise = local_resolution(_noise(4), _noise(5), mask, PIXEL_SIZE, WINDOW, 0.5)
    assert float(noise.quantile(0.01)) > 20
    assert float(noise.max()) <= WINDOW * PIXEL_SIZE
    equal = local_resolution(_noise(6), _noise(6), mask, PIXEL_SIZE, WINDOW, 0.5)
    torch.testing.assert_close(equal, torch.full_like(equal, 2 * PIXEL_SIZE), atol=0.01, rtol=0)


@pytest.mark.parametrize("step", [3, 4, 5])
def test_every_voxel_of_the_mask_has_a_value_and_no_other(step: int) -> None:
    first, second = _two_regions()
    mask = torch.zeros(BOX, BOX, BOX)
    mask[5:9, 20:33, 1:47] = 1
    mask[40, 40, 47] = 1  # alone, at the rim of the box
    found = local_resolution(first, second, mask, PIXEL_SIZE, WINDOW, 0.5, step)
    assert torch.equal(found > 0, mask > 0)
    assert float(found[mask > 0].min()) >= 2 * PIXEL_SIZE
    nothing = local_resolution(first, second, torch.zeros_like(mask), PIXEL_SIZE, WINDOW, 0.5, step)
    assert not nothing.any()


def test_windows_that_cannot_be_are_refused() -> None:
    first, second = _two_regions()
    for window in (11, 13, 50):
        with pytest.raises(InputError, match="Expected an even window of 12 to 48 pixels"):
            local_resolution(first, second, torch.ones_like(first), PIXEL_SIZE, window, 0.5)
