"""Particles that only look like outliers because the model does not know their conformation yet.

A model that is not trained far enough misses images by more than the noise, and strong images by so much that the molecule in any
pose describes them better. How far parts of the molecule usually lie from where the model has them is measured on particles that
fit; an outlier is what does not fit with that freedom either.
"""

import torch
from torch import Tensor

from gem_plugin.heterogeneity.moving_parts import (
    evidence_of_motion,
    likeliest_motion,
    part_terms,
    parts_of,
)
from gem_plugin.heterogeneity.training import Trainer
from gem_plugin.io.run.outliers import MINIMUM_PROBABILITY

SAMPLE = 500  # particles that the usual motion is measured from
ROUNDS = 2  # of measuring it: the first decides which particles count in the second
MINIMUM_EVIDENCE_IN_NATS = 1.0  # per particle; less says that the model knows all motion
IMAGES_AT_A_TIME = 16


def outliers_beside_motion(
    trainer: Trainer,
    means: Tensor,  # (n, latent_size): latents of all particles
    bounds: Tensor,  # (n,) minus the evidence bound of each image
    outliers: Tensor,  # (n,) probabilities
) -> Tensor:  # (n,)
    """The probabilities, with motion that the model does not know allowed to the particles that would be outliers."""
    suspects = torch.nonzero(outliers > MINIMUM_PROBABILITY)[:, 0]
    if not len(suspects):
        return outliers
    rows = trainer.training_rows
    sample = rows[:: max(1, len(rows) // SAMPLE)]
    parts = parts_of(trainer.model.consensus().positions)
    seen = _information(trainer, sample, means, parts)
    allowed = torch.zeros(len(sample))
    for _ in range(ROUNDS):
        weights = trainer.mixture.of_model(sample, (bounds[sample] - allowed).to(trainer.device)).cpu()
        variances = likeliest_motion(*seen, weights)
        allowed = evidence_of_motion(variances, *seen).float()
    if float((weights * allowed).sum()) < MINIMUM_EVIDENCE_IN_NATS * float(weights.sum()):
        return outliers
    allowed = evidence_of_motion(variances, *_information(trainer, suspects, means, parts)).float()
    found = outliers.clone()
    lowered = (bounds[suspects] - allowed).to(trainer.device)
    found[suspects] = trainer.mixture.of_outlier(suspects, lowered).cpu().to(found.dtype)
    return found


def _information(
    trainer: Trainer, rows: Tensor, means: Tensor, parts: list[Tensor]
) -> tuple[Tensor, Tensor]:  # (k, numbers), (k, numbers, numbers), on the CPU
    """What the images say of their parts, at the poses that the particles have."""
    found = []
    for some in rows.split(IMAGES_AT_A_TIME):
        cloud = trainer.model.cloud_in_pixels(means[some].to(trainer.device))
        batch = trainer.observations.batch(some)
        terms = part_terms(cloud, batch, parts, trainer.settings.projector, trainer.contrast_variance)
        found.append((-terms.gradients.cpu(), terms.curvatures.cpu()))
    information, curvatures = zip(*found)
    return torch.cat(information), torch.cat(curvatures)
