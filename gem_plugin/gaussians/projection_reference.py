"""The projection in plain torch operations: slow, exact, differentiable. The fast versions are tested against it.

A pixel holds the integral of the projected Gaussians over its area, so that narrow Gaussians do not alias
and the sum of an image is the sum of the amplitudes inside it.
"""

import torch
from torch import Tensor


def project_reference(
    positions_in_pixels: Tensor,  # (batch, n, 3), ordered xyz, relative to the rotation centre
    amplitudes: Tensor,  # (batch, n)
    widths_in_pixels: Tensor,  # (batch, n) or anything that broadcasts to it
    rotation_matrices: Tensor,  # (batch, 3, 3)
    box_size: int,
) -> Tensor:  # (batch, box, box), rotation centre on pixel box // 2
    """Sum of pixel-integrated Gaussians, each a product of two differences of the normal distribution."""
    projected = (
        positions_in_pixels @ rotation_matrices[:, :2].transpose(1, 2) + box_size // 2
    )  # (batch, n, 2)
    weights_x = pixel_integrals(projected[..., 0], widths_in_pixels, box_size)  # (batch, n, box)
    weights_y = pixel_integrals(projected[..., 1], widths_in_pixels, box_size)
    return torch.einsum("bny,bnx->byx", weights_y * amplitudes[..., None], weights_x)


def render_reference(
    positions_in_pixels: Tensor,  # (batch, n, 3), ordered xyz
    amplitudes: Tensor,  # (batch, n)
    widths_in_pixels: Tensor,
    box_size: int,
) -> Tensor:  # (batch, box, box, box), ordered zyx
    """The same in three dimensions."""
    centred = positions_in_pixels + box_size // 2
    weights_x = pixel_integrals(centred[..., 0], widths_in_pixels, box_size)
    weights_y = pixel_integrals(centred[..., 1], widths_in_pixels, box_size)
    weights_z = pixel_integrals(centred[..., 2], widths_in_pixels, box_size)
    return torch.einsum("bn,bnz,bny,bnx->bzyx", amplitudes, weights_z, weights_y, weights_x)


def pixel_integrals(
    coordinates: Tensor,  # (...,) in pixels
    widths_in_pixels: Tensor,  # broadcasts to coordinates
    box_size: int,
) -> Tensor:  # (..., box)
    """Integral of a unit Gaussian over each pixel of one axis; pixel i spans i - 1/2 to i + 1/2."""
    edges = torch.arange(box_size + 1, device=coordinates.device, dtype=coordinates.dtype) - 0.5
    distances = (edges - coordinates[..., None]) / (2**0.5 * widths_in_pixels[..., None])
    return torch.diff(torch.erf(distances), dim=-1) / 2
