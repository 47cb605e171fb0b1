"""How well projections explain images. One number per image; constants that no parameter changes are dropped.

Particles differ in contrast: ice is thicker here than there, and images are normalised one by one. Image n is
therefore alpha_n C P + noise with alpha_n normally distributed about 1. Integrated over alpha_n, the squared error is
still a closed form, so that no latent has to be spent on contrast, and nothing is stored per particle.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class ImageAgreement(NamedTuple):
    """All that an image says about its model image: the best contrast is agreements / powers."""

    powers: Tensor  # (batch,): P h P
    agreements: Tensor  # (batch,): P g


def image_agreement(
    projections: Tensor,  # (batch, box, box), without CTF
    matched_images: Tensor,  # (batch, box, box): g
    matched_filters: Tensor,  # (batch, box, box // 2 + 1): h
) -> ImageAgreement:
    """The two inner products of which the squared error of every contrast is made."""
    return ImageAgreement(*_ImageAgreement.apply(projections, matched_images, matched_filters))


def squared_error(
    projections: Tensor,  # (batch, box, box), without CTF
    matched_images: Tensor,  # (batch, box, box): g
    matched_filters: Tensor,  # (batch, box, box // 2 + 1): h
    contrast_variance: float = 0.0,  # of alpha; 0: every image has contrast 1
) -> Tensor:  # (batch,): minus the log-likelihood of Gaussian noise up to a constant
    """Half the squared distance between image and CTF-multiplied projection, in units of the noise variance."""
    agreement = image_agreement(projections, matched_images, matched_filters)
    return error_of_agreement(agreement, contrast_variance)


def error_of_agreement(agreement: ImageAgreement, contrast_variance: float) -> Tensor:  # (batch,)
    """1/2 P h P - P g, or with contrasts that differ -log of the integral of exp(P g alpha - P h P alpha^2 / 2)."""
    powers, agreements = agreement
    if contrast_variance == 0:
        return 0.5 * powers - agreements
    widening = contrast_variance * powers  # of the prior of alpha, against what the image says
    explained = 0.5 * powers - agreements - 0.5 * contrast_variance * agreements**2
    return explained / (1 + widening) + 0.5 * torch.log1p(widening)


def absolute_error(
    projections: Tensor,  # (batch, box, box), without CTF
    centred_images: Tensor,  # (batch, box, box)
    ctf: Tensor,  # (batch, box, box // 2 + 1)
) -> Tensor:  # (batch,)
    """Sum of absolute differences in real space after the CTF (GaussianEM's loss), in units of the noise standard deviation."""
    model = torch.fft.irfft2(torch.fft.rfft2(projections) * ctf, s=projections.shape[-2:])
    return (model - centred_images).abs().sum((1, 2))


class _ImageAgreement(torch.autograd.Function):
    """The gradients 2 h P and g cost nothing beyond the values, so two transforms do for both directions."""

    @staticmethod
    def forward(
        ctx: Any, projections: Tensor, matched_images: Tensor, matched_filters: Tensor
    ) -> tuple[Tensor, Tensor]:
        spectra = torch.fft.rfft2(projections)
        filtered = torch.fft.irfft2(spectra * matched_filters, s=projections.shape[-2:])
        ctx.save_for_backward(filtered, matched_images)
        return (projections * filtered).sum((1, 2)), (projections * matched_images).sum((1, 2))

    @staticmethod
    def backward(  # type: ignore[override]
        ctx: Any, of_powers: Tensor, of_agreements: Tensor
    ) -> tuple[Tensor | None, ...]:
        filtered, matched_images = ctx.saved_tensors
        gradients = 2 * of_powers[:, None, None] * filtered
        return gradients.addcmul_(of_agreements[:, None, None], matched_images), None, None
