"""How well the molecules of a batch explain their particles. A particle of several images has the sum of what these say.

With the sums a = sum of P h P and b = sum of P g over the images of a particle, its squared error is that of one image: one
contrast for all of them. Where only some of the images are in the batch, their error counts for all.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.image_owners import clouds_of_images, sums_of_particles
from gem_plugin.heterogeneity.losses.contrast import contrast_scores
from gem_plugin.heterogeneity.losses.image import (
    ImageAgreement,
    absolute_error,
    error_of_agreement,
    image_agreement,
)
from gem_plugin.heterogeneity.observations import MatchedBatch


class ParticleLosses(NamedTuple):
    """Of each particle of a batch."""

    errors: Tensor  # (particles,): minus the log-likelihood of all its images up to a constant
    contrast_scores: (
        Tensor  # (particles, 2): score and information of the contrast; 0 where it is not looked at
    )


def model_images(cloud: GaussianCloud, batch: MatchedBatch, projector: str = "auto") -> Tensor:
    """The projection of each image of the batch: (images, box, box). The cloud is in pixels, one, or one for each particle."""
    of_images = clouds_of_images(cloud, batch.owners)
    return project_gaussians(of_images, batch.rotation_matrices, batch.images.shape[-1], projector=projector)


def particle_agreement(projections: Tensor, batch: MatchedBatch) -> ImageAgreement:  # (particles,) each
    """The two inner products of each particle, summed over its images that are in the batch."""
    of_images = image_agreement(projections, batch.images, batch.filters)
    return ImageAgreement(*(sums_of_particles(values, batch.owners) for values in of_images))


def error_of_all_images(
    agreement: ImageAgreement, batch: MatchedBatch, contrast_variance: float
) -> Tensor:  # (particles,)
    """The error of the images in the batch, scaled to all images of each particle."""
    errors = error_of_agreement(agreement, contrast_variance)
    scales = None if batch.owners is None else batch.owners.scales
    return errors if scales is None else errors * scales


def particle_losses(
    cloud: GaussianCloud,  # one for each particle, in pixels
    batch: MatchedBatch,  # of Observations.centred_batch where the loss is absolute
    contrast_variance: float,
    has_contrast: bool,
    is_squared: bool,
    projector: str = "auto",
) -> ParticleLosses:
    """The loss of training."""
    projections = model_images(cloud, batch, projector)
    return losses_of_projections(projections, batch, contrast_variance, has_contrast, is_squared)


def losses_of_projections(
    projections: Tensor,  # (images, box, box)
    batch: MatchedBatch,
    contrast_variance: float,
    has_contrast: bool,
    is_squared: bool,
) -> ParticleLosses:
    """The same of images that are projected already."""
    if not is_squared:
        errors = absolute_error(projections, batch.images, batch.filters)
        errors = sums_of_particles(errors, batch.owners)
        return ParticleLosses(errors, torch.zeros(len(errors), 2, device=errors.device))
    agreement = particle_agreement(projections, batch)
    scores = (
        contrast_scores(agreement, contrast_variance)
        if has_contrast
        else torch.zeros(len(agreement.powers), 2, device=projections.device)
    )
    return ParticleLosses(error_of_all_images(agreement, batch, contrast_variance), scores)
