"""The consensus cloud brought to the images: grey scale by least squares, then a short fit of every Gaussian."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.losses.image import image_agreement, squared_error
from gem_plugin.heterogeneity.observations import Observations, row_chunks
from gem_plugin.progress import Track, untracked

IMAGES_FOR_GREY_SCALE = 2000
LEARNING_RATE = 1e-3  # pixels, and logarithm of amplitude, per step of Adam


class GreyScaleTerms(NamedTuple):
    """How each image matches its projection P of the cloud."""

    matched: Tensor  # (k,) float64: P g
    explained: Tensor  # (k,) float64: P h P


@torch.no_grad()
def grey_scale_terms(
    cloud: GaussianCloud, observations: Observations, rows: Tensor, track: Track = untracked
) -> GreyScaleTerms:
    """Compare images with projections at the amplitudes of the cloud."""
    matched, explained = [], []
    for part in track(list(row_chunks(len(rows), 64)), "Grey scale", unit="batch"):
        batch = observations.batch(rows[part])
        images = project_gaussians(
            cloud,
            batch.rotation_matrices,
            observations.box_size,
            observations.pixel_size_in_angstroms,
        )
        powers, agreements = image_agreement(images, batch.images, batch.filters)
        matched.append(agreements.double())
        explained.append(powers.double())
    return GreyScaleTerms(torch.cat(matched), torch.cat(explained))


def fit_grey_scale(terms: GreyScaleTerms) -> float:
    """The factor on all amplitudes that makes projections fit images best: sum(P g) / sum(P h P).

    0 or less means that the map does not match the images: wrong hand of contrast, wrong poses.
    """
    return float(terms.matched.sum() / terms.explained.sum().clamp_min(1e-30))


def fit_consensus(
    cloud: GaussianCloud,
    observations: Observations,
    batches: Iterable[Tensor],  # rows of each step
    n_steps: int,
    report: Callable[[float], None] = lambda loss: None,
) -> GaussianCloud:  # in pixels of the images
    """Adam on positions and log-amplitudes with one static cloud; the rate falls to zero along a cosine."""
    start = cloud.in_pixels(observations.pixel_size_in_angstroms)
    positions = start.positions.clone().requires_grad_()
    floor = 1e-3 * start.amplitudes.mean()
    log_amplitudes = start.amplitudes.clamp_min(floor).log().requires_grad_()
    optimiser = torch.optim.Adam([positions, log_amplitudes], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, n_steps))
    for rows in batches:
        batch = observations.batch(rows)
        fitted = replace(start, positions=positions, amplitudes=log_amplitudes.exp())
        images = project_gaussians(fitted, batch.rotation_matrices, observations.box_size)
        loss = squared_error(images, batch.images, batch.filters).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        report(float(loss.detach()))
    return replace(start, positions=positions.detach(), amplitudes=log_amplitudes.detach().exp())
