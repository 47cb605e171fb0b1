"""How much particles differ in contrast: the variance of alpha in image_loss.py, by maximum likelihood.

The score and the information of the likelihood are sums over particles, so that an epoch of training yields them on
the way, and several processes add theirs. Without differences the best variance is 0, and the loss is as if nothing were here.
"""

import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.image_owners import sums_of_particles
from gem_plugin.heterogeneity.losses.image import ImageAgreement, image_agreement
from gem_plugin.heterogeneity.observations import Observations

MAXIMUM_VARIANCE = (
    0.25  # a standard deviation of one half; more is not contrast but a model that does not fit
)
PARTICLES_FOR_START = 1000
ROUNDS_FOR_START = 10
IMAGES_AT_A_TIME = 64


def contrast_scores(agreement: ImageAgreement, variance: float) -> Tensor:  # (batch, 2): score, information
    """Derivative of the log-likelihood of each image by the variance, and its expected curvature."""
    powers, agreements = (values.detach().double() for values in agreement)
    widened = 1 + variance * powers
    score = ((agreements - powers) / widened) ** 2 - powers / widened
    return torch.stack([score / 2, (powers / widened) ** 2 / 2], 1)


def better_variance(variance: float, score: float, information: float) -> float:
    """One step of Fisher scoring, kept between 0 and the largest that is believed."""
    if not information > 0:
        return variance
    return min(max(variance + score / information, 0.0), MAXIMUM_VARIANCE)


@torch.no_grad()
def first_contrast_variance(
    cloud: GaussianCloud,  # the consensus
    observations: Observations,
    rows: Tensor,  # particles that may be used; some of them are
    projector: str = "auto",
) -> float:
    """The variance of contrast as the consensus shows it. Motion adds to it, which training takes off again."""
    rows = rows[:: max(1, len(rows) // PARTICLES_FOR_START)]
    parts = []
    for part in rows.split(observations.rows_for(IMAGES_AT_A_TIME)):
        batch = observations.batch(part)
        images = project_gaussians(
            cloud,
            batch.rotation_matrices,
            observations.box_size,
            observations.pixel_size_in_angstroms,
            projector,
        )
        of_images = image_agreement(images, batch.images, batch.filters)
        parts.append([sums_of_particles(values, batch.owners) for values in of_images])
    agreement = ImageAgreement(*(torch.cat(values) for values in zip(*parts, strict=True)))
    variance = 0.0
    for _ in range(ROUNDS_FOR_START):
        variance = better_variance(variance, *contrast_scores(agreement, variance).mean(0).tolist())
    return variance
