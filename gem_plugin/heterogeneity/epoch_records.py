"""What an epoch of training found: its sums on the device, and its row in the history."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gem_plugin.heterogeneity.losses.optional_terms import EXTRA_TERMS
from gem_plugin.heterogeneity.outliers import N_KINDS


@dataclass
class EpochRecord:
    """One row of history.csv."""

    epoch: int
    loss: float  # image loss per particle, relative to an empty image
    kl: float  # nats per particle
    validation_loss: float  # NaN without validation particles
    kl_weight: float
    learning_rate: float
    bad_steps: int
    particles_per_second: float
    seconds: float
    distance: float = (
        math.nan
    )  # the terms of losses/optional_terms.py without their weights; NaN where they are off
    direction: float = math.nan
    repulsion: float = math.nan
    smoothness: float = math.nan
    latent_neighbour: float = math.nan
    validation_kl: float = (
        math.nan
    )  # nats; with the validation loss it gives the evidence bound, see landscape/checks/latents.py
    contrast_spread: float = 0.0  # standard deviation of the particles' contrast, as this epoch found it
    pose_spread: float = 0.0  # degrees: standard deviation of the error of the given poses, about each axis
    shift_spread: float = 0.0  # Angstrom, along each axis
    outlier_fraction: float = 0.0  # of the training particles
    stage: int = (
        0  # of training_plan.py: 0 one cycle of known length; else 1 rising, 2 constant rate, 3 annealing
    )


class EpochSums(NamedTuple):
    """What the steps of an epoch add up, without steps whose loss is not a number.

    The sums lie on the device as one vector, so that a step never waits for the device.
    """

    image_loss: Tensor  # ()
    kl: Tensor  # ()
    good_steps: Tensor  # ()
    contrast_score: Tensor  # ()
    contrast_information: Tensor  # ()
    clear: Tensor  # (): fraction of each batch that is clearly not the molecule in any pose
    kinds: Tensor  # (N_KINDS,): probabilities of the kinds of images of outliers.py, mean of each batch
    extra_terms: Tensor  # (len(EXTRA_TERMS),), without their weights

    def as_vector(self) -> Tensor:  # (6 + N_KINDS + len(EXTRA_TERMS),)
        *scalars, kinds, extra_terms = self
        return torch.cat([torch.stack(scalars), kinds, extra_terms])

    @classmethod
    def of_vector(cls, vector: Tensor) -> "EpochSums":
        n_scalars = len(cls._fields) - 2
        after = n_scalars + N_KINDS
        return cls._make([*vector[:n_scalars], vector[n_scalars:after], vector[after:]])

    @classmethod
    def zeros(cls, device: torch.device) -> "EpochSums":
        size = len(cls._fields) - 2 + N_KINDS + len(EXTRA_TERMS)
        return cls.of_vector(torch.zeros(size, dtype=torch.float64, device=device))
