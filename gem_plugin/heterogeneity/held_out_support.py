"""Do the latents describe more than noise? Held-out particles, explained with their latents and without.

    support = loss(mean image) - [ E_q loss(P(z)) + KL(q | prior) ]    in nats per particle

The bracket is minus the evidence bound of an image, which charges a latent for what it takes from the image; the mean
image over all latents is the best that one conformation can do. Latents that follow noise lower the loss by less than
they cost, so their support is negative; it is positive only where particles differ by more than noise.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.heterogeneity.encoder.anchor_scores import EncoderInputs
from gem_plugin.heterogeneity.losses.particles import error_of_all_images, model_images, particle_agreement
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.observations import MatchedBatch, Observations
from gem_plugin.particles.views import particles_of
from gem_plugin.progress import Track, untracked

MAXIMUM_PARTICLES = 500  # the mean of so many differences has an error of a tenth of a nat or two
CLOUDS_OF_MEAN = 24  # latents whose projections make the mean image
BATCH_SIZE = 64


class Support(NamedTuple):
    """Mean over the particles, each by the mean of its views, and its standard error; both NaN with fewer than two particles."""

    nats: float
    standard_error: float


@torch.no_grad()
def held_out_support(
    model: HeterogeneityModel,
    observations: Observations,
    encoder_inputs: EncoderInputs,
    training_rows: Tensor,  # the mean image is over latents of some of these
    held_out_rows: Tensor,
    generator: torch.Generator,
    projector: str = "auto",
    track: Track = untracked,
    contrast_variance: float = 0.0,  # of the particles, as training found it
) -> Support:
    """What the latents of held-out particles explain, less what they cost."""
    assert model.encoder is not None
    model.eval()
    if len(held_out_rows) < 2:
        return Support(math.nan, math.nan)
    rows, particles = _views_of_some(held_out_rows, observations.particle_indices, generator)
    if int(particles.max(initial=-1)) < 1:
        return Support(math.nan, math.nan)
    others = model.encoder(encoder_inputs.batch(_some(training_rows, CLOUDS_OF_MEAN, generator))).means
    clouds = model.cloud_in_pixels(others)
    differences = []
    for part in track(rows.split(observations.rows_for(BATCH_SIZE)), "Held-out particles", unit="batch"):
        batch, distribution = observations.batch(part), model.encoder(encoder_inputs.batch(part))
        noise = torch.randn(len(part), model.latent_size, generator=generator).to(distribution.means.device)
        own = model_images(model.cloud_in_pixels(distribution.sample(noise)), batch, projector)
        images = [model_images(_one(clouds, number), batch, projector) for number in range(len(others))]
        with_latents = _error(own, batch, contrast_variance) + distribution.kl_divergence()
        differences.append(_error(torch.stack(images).mean(0), batch, contrast_variance) - with_latents)
    of_rows = torch.cat(differences).double().cpu().numpy()
    values = torch.from_numpy(np.bincount(particles, of_rows) / np.bincount(particles))
    return Support(float(values.mean()), float(values.std() / math.sqrt(len(values))))


def _views_of_some(
    rows: Tensor, particle_indices: np.ndarray, generator: torch.Generator
) -> tuple[Tensor, np.ndarray]:  # (k,) rows, sorted, and the particle of each, from 0
    """All views of some particles, about as many rows as MAXIMUM_PARTICLES."""
    which, n_particles = particles_of(rows.numpy(), particle_indices)
    n_drawn = max(2, MAXIMUM_PARTICLES * n_particles // max(1, len(rows)))
    is_drawn = torch.zeros(n_particles, dtype=torch.bool)
    is_drawn[torch.randperm(n_particles, generator=generator)[:n_drawn]] = True
    chosen = rows[is_drawn[torch.from_numpy(which)]]
    return chosen, particles_of(chosen.numpy(), particle_indices)[0]


def _some(rows: Tensor, n: int, generator: torch.Generator) -> Tensor:
    return rows[torch.randperm(len(rows), generator=generator)[:n]].sort().values


def _one(clouds: GaussianCloud, number: int) -> GaussianCloud:
    """One cloud of a batch; widths may be one row for all."""
    widths = clouds.widths
    return replace(
        clouds,
        positions=clouds.positions[number],
        amplitudes=clouds.amplitudes[number],
        widths=widths if widths.ndim == 1 else widths[number],
    )


def _error(projections: Tensor, batch: MatchedBatch, contrast_variance: float) -> Tensor:  # (particles,)
    return error_of_all_images(particle_agreement(projections, batch), batch, contrast_variance)
