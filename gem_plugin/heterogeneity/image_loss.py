"""How well projections explain images. One number per image; constants that no parameter changes are left out."""

from typing import Any

import torch
from torch import Tensor

LOSSES = ("squared", "absolute")


def squared_error(
    projections: Tensor,  # (batch, box, box), without CTF
    matched_images: Tensor,  # (batch, box, box): g
    matched_filters: Tensor,  # (batch, box, box // 2 + 1): h
) -> Tensor:  # (batch,): 1/2 P h P - P g, minus the log-likelihood of Gaussian noise up to a constant
    """Half the squared distance between image and CTF-multiplied projection, in units of the noise variance."""
    return _SquaredError.apply(projections, matched_images, matched_filters)


def absolute_error(
    projections: Tensor,  # (batch, box, box), without CTF
    centred_images: Tensor,  # (batch, box, box)
    ctf: Tensor,  # (batch, box, box // 2 + 1)
) -> Tensor:  # (batch,)
    """Sum of absolute differences in real space after the CTF (GaussianEM's loss), in units of the noise deviation."""
    model = torch.fft.irfft2(torch.fft.rfft2(projections) * ctf, s=projections.shape[-2:])
    return (model - centred_images).abs().sum((1, 2))


class _SquaredError(torch.autograd.Function):
    """The gradient h P - g costs nothing beyond the value, so two transforms do for both directions."""

    @staticmethod
    def forward(ctx: Any, projections: Tensor, matched_images: Tensor, matched_filters: Tensor) -> Tensor:
        spectra = torch.fft.rfft2(projections)
        filtered = torch.fft.irfft2(spectra * matched_filters, s=projections.shape[-2:])
        ctx.save_for_backward(filtered - matched_images)
        return (projections * (0.5 * filtered - matched_images)).sum((1, 2))

    @staticmethod
    def backward(ctx: Any, gradients: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        (residuals,) = ctx.saved_tensors
        return residuals * gradients[:, None, None], None, None
