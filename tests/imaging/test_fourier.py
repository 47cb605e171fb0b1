"""The fast crop of even boxes agrees with the general one, values and gradients."""

import pytest
import torch

from gem_plugin.imaging import fourier
from gem_plugin.imaging.fourier import fourier_crop_images


@pytest.mark.parametrize(("box_size", "new_box_size"), [(16, 14), (16, 8), (20, 2), (18, 10)])
def test_fast_and_general_crop_agree(box_size: int, new_box_size: int) -> None:
    images = (
        torch.randn(3, box_size, box_size, generator=torch.Generator().manual_seed(0))
        .double()
        .requires_grad_()
    )
    weights = torch.randn(3, new_box_size, new_box_size, generator=torch.Generator().manual_seed(1)).double()
    fast, general = (
        fourier_crop_images(images, new_box_size),
        fourier._resample(images, new_box_size, n_axes=2),
    )
    torch.testing.assert_close(fast, general)
    gradients = [torch.autograd.grad((result * weights).sum(), images)[0] for result in (fast, general)]
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.parametrize("box_size", [15, 16])
@pytest.mark.parametrize("new_box_size", [13, 14, 17, 18, 21])
def test_the_centre_stays_and_grey_values_too_whatever_is_odd(box_size: int, new_box_size: int) -> None:
    """A Gaussian about the centre, sampled on either grid of one width."""
    found = fourier_crop_images(gaussian(box_size), new_box_size)
    torch.testing.assert_close(found, gaussian(new_box_size), atol=2e-3, rtol=0)


def gaussian(box_size: int) -> torch.Tensor:  # (1, box, box)
    offsets = (torch.arange(box_size) - box_size // 2).double() / box_size
    return torch.exp(-(offsets[:, None] ** 2 + offsets[None, :] ** 2) / (2 * 0.11**2))[None]
