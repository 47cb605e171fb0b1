"""Which images carry no information: the quick look at a batch finds what the exact sums find."""

import pytest
import torch

from gem_plugin.particles.images import (
    CONSTANT,
    HOT_PIXEL,
    MAXIMUM_FRACTION_OF_ONE_PIXEL,
    NOT_FINITE,
    _certain_defects,
    image_defects,
)

BOX = 32


def noise(n_images: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n_images, BOX, BOX, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("scale", [1e-25, 1e-3, 1.0, 1e5, 1e25])
@pytest.mark.parametrize("level", [0.0, 1.0, 100.0])
def test_each_defect_is_found_at_any_scale_and_level(scale: float, level: float) -> None:
    images = (noise(6) + level) * scale
    images[1, 3, 4] = torch.nan
    images[2] = 0.7 * scale
    images[3, 5, 5] = (level - 80) * scale
    images[4, 0, 0] = -torch.inf
    assert image_defects(images) == {1: NOT_FINITE, 2: CONSTANT, 3: HOT_PIXEL, 4: NOT_FINITE}


def test_images_without_a_defect_have_none() -> None:
    assert image_defects(noise(8) * 3 + 20) == {}
    assert image_defects(torch.zeros(0, BOX, BOX)) == {}


@pytest.mark.parametrize("level", [0.0, 50.0])
def test_one_bright_pixel_counts_from_the_same_fraction_as_in_exact_sums(level: float) -> None:
    images = noise(200, seed=1) + level
    variances = images.double().flatten(1).var(dim=1) * BOX**2
    limits = (MAXIMUM_FRACTION_OF_ONE_PIXEL * variances / (1 - MAXIMUM_FRACTION_OF_ONE_PIXEL)).sqrt()
    images[:, 7, 9] = (level + limits * torch.linspace(0.5, 1.5, 200)).float()
    found = image_defects(images)
    assert found == _certain_defects(images)
    assert 20 < len(found) < 180
