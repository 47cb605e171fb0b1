"""Each particle's own latent after training: a few Gauss-Newton steps from where the encoder put it.

Minimises, per particle, the image loss plus weight/2 |z|^2 (the prior, weighted as in training). The model image P(z)
is differentiated by finite differences: a latent has few dimensions, and a projection costs little. The contrast of a
particle is integrated out, as in training. Of particles that own several images the sums over all of them count.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.image_owners import clouds_of_images, sums_of_particles
from gem_plugin.heterogeneity.losses.image import ImageAgreement, error_of_agreement
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.observations import MatchedBatch

DIFFERENCE = 0.02  # step of the finite difference; the prior has standard deviation 1
MAXIMUM_STEP = 0.5  # trust region: the model is linear over about this distance
DAMPING = 1e-3  # relative to the mean curvature, so that dimensions collapsed to the prior stay put
MINIMUM_PRIOR_WEIGHT = 1e-3


class RefinedLatents(NamedTuple):
    latents: Tensor  # (batch, latent_size): refined where that scored better, else as given
    standard_deviations: Tensor  # (batch, latent_size): square root of the diagonal of the inverse curvature
    gains: Tensor  # (batch,): how much lower the objective became, 0 where the start was kept


@torch.no_grad()
def refine_latents(
    model: HeterogeneityModel,
    batch: MatchedBatch,
    start: Tensor,  # (batch, latent_size)
    prior_weight: float,
    n_steps: int = 3,
    projector: str = "auto",
    contrast_variance: float = 0.0,  # of the particles, as training found it
) -> RefinedLatents:
    """Gauss-Newton with a step limit; a step that does not lower a particle's objective is not taken."""
    weight = max(prior_weight, MINIMUM_PRIOR_WEIGHT)
    latents = start.clone()
    images, filtered = _project(model, batch, latents, projector)
    scores = first_scores = _objective(images, filtered, batch, latents, weight, contrast_variance)
    curvature = torch.eye(start.shape[1], device=start.device).expand(len(start), -1, -1)
    for _ in range(n_steps):
        gradient, curvature = _derivatives(
            model, batch, latents, images, filtered, weight, projector, contrast_variance
        )
        steps = -torch.linalg.solve(curvature, gradient[..., None])[..., 0]
        lengths = steps.norm(dim=1, keepdim=True)
        candidates = latents + steps * (MAXIMUM_STEP / lengths.clamp_min(MAXIMUM_STEP))
        new_images, new_filtered = _project(model, batch, candidates, projector)
        new_scores = _objective(new_images, new_filtered, batch, candidates, weight, contrast_variance)
        is_better = new_scores < scores
        latents = torch.where(is_better[:, None], candidates, latents)
        is_better_image = _of_images(is_better, batch)[:, None, None]
        images = torch.where(is_better_image, new_images, images)
        filtered = torch.where(is_better_image, new_filtered, filtered)
        scores = torch.where(is_better, new_scores, scores)
    standard_deviations = torch.linalg.inv(curvature).diagonal(dim1=1, dim2=2).clamp_min(0).sqrt()
    return RefinedLatents(latents, standard_deviations, first_scores - scores)


def _project(
    model: HeterogeneityModel, batch: MatchedBatch, latents: Tensor, projector: str
) -> tuple[Tensor, Tensor]:
    """Projections and the same through the matched filter: (images, box, box) each."""
    cloud = clouds_of_images(model.cloud_in_pixels(latents), batch.owners)
    images = project_gaussians(cloud, batch.rotation_matrices, model.box_size, projector=projector)
    return images, _filter(images, batch)


def _filter(images: Tensor, batch: MatchedBatch) -> Tensor:
    return torch.fft.irfft2(torch.fft.rfft2(images) * batch.filters, s=images.shape[-2:])


def _of_images(values: Tensor, batch: MatchedBatch) -> Tensor:  # (particles, ...) -> (images, ...)
    return values if batch.owners is None else values[batch.owners.particles]


def _agreement(images: Tensor, filtered: Tensor, batch: MatchedBatch) -> ImageAgreement:  # (particles,) each
    of_images = (images * filtered).sum((1, 2)), (images * batch.images).sum((1, 2))
    return ImageAgreement(*(sums_of_particles(values, batch.owners) for values in of_images))


def _objective(
    images: Tensor,
    filtered: Tensor,
    batch: MatchedBatch,
    latents: Tensor,
    weight: float,
    contrast_variance: float,
) -> Tensor:
    """(batch,): the image loss + weight / 2 |z|^2."""
    error = error_of_agreement(_agreement(images, filtered, batch), contrast_variance)
    return error + weight / 2 * (latents**2).sum(1)


def _derivatives(
    model: HeterogeneityModel,
    batch: MatchedBatch,
    latents: Tensor,
    images: Tensor,
    filtered: Tensor,
    weight: float,
    projector: str,
    contrast_variance: float,
) -> tuple[Tensor, Tensor]:  # gradient (batch, z), Gauss-Newton curvature (batch, z, z)
    size = latents.shape[1]
    slopes, filtered_slopes = [], []
    for axis in range(size):
        moved = latents.clone()
        moved[:, axis] += DIFFERENCE
        moved_images, moved_filtered = _project(model, batch, moved, projector)
        slopes.append((moved_images - images).flatten(1) / DIFFERENCE)
        filtered_slopes.append((moved_filtered - filtered).flatten(1) / DIFFERENCE)
    slope, filtered_slope = torch.stack(slopes, 1), torch.stack(filtered_slopes, 1)  # (images, z, pixels)
    powers, agreements = (value[:, None] for value in _agreement(images, filtered, batch))
    contrast = (1 + contrast_variance * agreements) / (
        1 + contrast_variance * powers
    )  # (batch, 1), most likely
    uncertainty = contrast_variance / (1 + contrast_variance * powers)  # its variance
    squares, contrasts = _of_images(contrast**2 + uncertainty, batch), _of_images(contrast, batch)
    residual = squares * filtered.flatten(1) - contrasts * batch.images.flatten(1)
    gradient = sums_of_particles((slope @ residual[..., None])[..., 0], batch.owners) + weight * latents
    like_contrast = sums_of_particles(
        (slope @ filtered.flatten(1)[..., None])[..., 0], batch.owners
    )  # (batch, z): what a change of contrast does too
    products = sums_of_particles(slope @ filtered_slope.transpose(1, 2), batch.owners)
    explained_by_contrast = uncertainty[..., None] * like_contrast[:, :, None] * like_contrast[:, None, :]
    curvature = contrast[..., None] ** 2 * (products - explained_by_contrast)
    curvature = (curvature + curvature.transpose(1, 2)) / 2
    damping = weight + DAMPING * curvature.diagonal(dim1=1, dim2=2).mean(1)
    identity = torch.eye(size, device=latents.device)
    return gradient, curvature + damping[:, None, None] * identity
