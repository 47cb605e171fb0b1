"""The latents of all particles, from a trained encoder, and on request moved to each particle's own images."""

from typing import NamedTuple

import numpy as np
import torch

from gem_plugin.heterogeneity.encoder.network import LatentDistribution
from gem_plugin.heterogeneity.latent_refinement import refine_latents
from gem_plugin.heterogeneity.losses.particles import error_of_all_images, model_images, particle_agreement
from gem_plugin.heterogeneity.observations import row_chunks
from gem_plugin.heterogeneity.training import Trainer
from gem_plugin.progress import Progress
from gem_plugin.steps.train.unknown_motion import outliers_beside_motion

ROWS_AT_A_TIME = 1024
PROJECTED_IMAGES_AT_A_TIME = 64
MINIMUM_POWER = 1e-12  # of a model image without density
REFINED_IMAGES_AT_A_TIME = 64  # each needs a projection per latent dimension


class EmbeddedParticles(NamedTuple):
    """One row per particle, in the order of the input."""

    means: np.ndarray  # (n, latent_size) float32
    standard_deviations: np.ndarray  # (n, latent_size) float32


def own_rows(trainer: Trainer) -> slice:
    """The particles that this process embeds: all, or where several processes train together, its part."""
    return trainer.workers.own_part(len(trainer.observations), ROWS_AT_A_TIME)


def embed_particles(trainer: Trainer, progress: Progress) -> EmbeddedParticles:
    """The latents that the encoder gives the particles of this process (own_rows)."""
    trainer.model.eval()
    part, latent_size = own_rows(trainer), trainer.model.latent_size
    n = part.stop - part.start
    means, standard_deviations = (np.empty((n, latent_size), np.float32) for _ in range(2))
    chunks = list(row_chunks(n, ROWS_AT_A_TIME))
    for rows in progress.track(chunks, "Embedding particles", unit="chunk"):
        distribution = trainer.embed(part.start + rows)
        means[rows[0] : rows[-1] + 1] = distribution.means.cpu().numpy()
        standard_deviations[rows[0] : rows[-1] + 1] = torch.exp(distribution.log_variances / 2).cpu().numpy()
    return EmbeddedParticles(means, standard_deviations)


def embedded_together(trainer: Trainer, own: EmbeddedParticles) -> EmbeddedParticles:
    """In the first process those of all particles, of the parts of all processes."""
    n = len(trainer.observations)
    return EmbeddedParticles(*(trainer.workers.gathered(values, n, ROWS_AT_A_TIME) for values in own))


class ParticleMatches(NamedTuple):
    """How each particle fits its own model image."""

    contrasts: (
        np.ndarray
    )  # (n,) float32: at which it fits best; 1 is usual, near 0 nothing of the molecule is there
    outliers: (
        np.ndarray | None
    )  # (n,) float32: probability that it is not the molecule as modelled; None: not looked for


@torch.no_grad()
def match_particles(
    trainer: Trainer,
    latents: EmbeddedParticles,  # of the particles of this process
    progress: Progress,
) -> ParticleMatches | None:  # of all, in the first process only
    """Compare every particle with its model image.

    The contrast is P g / P h P of losses/image.py; its error, of noise alone, is 1 / sqrt(P h P). The outliers are those of
    heterogeneity/outliers.py.
    """
    trainer.model.eval()
    first_row, n_particles = own_rows(trainer).start, len(latents.means)
    contrasts, outliers, bounds = (np.empty(n_particles, np.float32) for _ in range(3))
    chunks = list(row_chunks(n_particles, trainer.observations.rows_for(PROJECTED_IMAGES_AT_A_TIME)))
    for rows in progress.track(chunks, "Contrast of the particles", unit="chunk"):
        piece, rows = slice(int(rows[0]), int(rows[-1]) + 1), first_row + rows
        batch = trainer.observations.batch(rows)
        means, deviations = (torch.from_numpy(values[piece]).to(trainer.device) for values in latents)
        cloud = trainer.model.cloud_in_pixels(means)
        agreement = particle_agreement(model_images(cloud, batch, trainer.settings.projector), batch)
        contrasts[piece] = (agreement.agreements / agreement.powers.clamp_min(MINIMUM_POWER)).cpu().numpy()
        loss = error_of_all_images(agreement, batch, trainer.contrast_variance)
        cost = LatentDistribution(means, 2 * deviations.log()).kl_divergence()
        bound = loss + cost + trainer.pose_costs(rows)
        bounds[piece] = bound.cpu().numpy()
        outliers[piece] = trainer.mixture.of_outlier(rows, bound).cpu().numpy()
    n_all, of_own = len(trainer.observations), (contrasts, outliers, bounds, latents.means)
    contrasts, outliers, bounds, all_means = (
        trainer.workers.gathered(values, n_all, ROWS_AT_A_TIME) for values in of_own
    )
    if not trainer.workers.is_main:
        return None
    if not trainer.mixture.is_on:
        return ParticleMatches(contrasts, None)
    if (
        trainer.observations.owned is not None
    ):  # motion that no latent knows is measured on single images only
        return ParticleMatches(contrasts, outliers)
    values = (torch.from_numpy(of_all) for of_all in (all_means, bounds, outliers))
    return ParticleMatches(contrasts, outliers_beside_motion(trainer, *values).numpy())


def refine_particles(
    trainer: Trainer,
    start: EmbeddedParticles,  # of the particles of this process
    progress: Progress,
) -> tuple[
    EmbeddedParticles, float
]:  # their latents, and the mean gain of the objective of all in noise units
    """Gauss-Newton on every particle's own image; latents stay where that does not score better."""
    trainer.model.eval()
    means, standard_deviations = (np.empty_like(values) for values in start)
    prior_weight = trainer.settings.kl_weight * trainer.kl_factor
    total_gain, first_row = 0.0, own_rows(trainer).start
    chunks = list(row_chunks(len(means), trainer.observations.rows_for(REFINED_IMAGES_AT_A_TIME)))
    for rows in progress.track(chunks, "Refining latents", unit="chunk"):
        piece = slice(int(rows[0]), int(rows[-1]) + 1)
        latents = torch.from_numpy(start.means[piece]).to(trainer.device)
        batch = trainer.observations.batch(first_row + rows)
        refined = refine_latents(
            trainer.model,
            batch,
            latents,
            prior_weight,
            projector=trainer.settings.projector,
            contrast_variance=trainer.contrast_variance,
        )
        means[piece], standard_deviations[piece] = (
            refined.latents.cpu().numpy(),
            refined.standard_deviations.cpu().numpy(),
        )
        total_gain += float(refined.gains.sum())
    gain = float(trainer.workers.sum(torch.tensor(total_gain, dtype=torch.float64)))
    return EmbeddedParticles(means, standard_deviations), gain / len(trainer.observations)
