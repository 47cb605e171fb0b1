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
