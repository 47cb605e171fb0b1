"""What changes during training: the learning rate, the weight of the KL divergence, the order of the particles."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

WARM_UP = 0.15  # part of the training in which the learning rate rises
KL_RISE = (0.2, 0.6)  # parts of the training between which the KL weight goes from its start to its end
SEED_STRIDE = 1_000_003  # a prime, so that (seed, epoch) pairs give different generators


class StepNumbers(NamedTuple):
    """What changes from step to step; tensors () where the steps are recorded on a device."""

    rate_factor: float | Tensor  # of the peak learning rates
    kl_weight: float | Tensor
    price_weight: float | Tensor  # one over the particles that share the prices of losses/prices.py


def learning_rate_factor(fraction_done: float) -> float:
    """One cycle: a cosine rise to 1, a cosine fall to 0 (Smith and Topin, 2019)."""
    if fraction_done < WARM_UP:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * fraction_done / WARM_UP)) / 2
    return (1 + math.cos(math.pi * min(1.0, (fraction_done - WARM_UP) / (1 - WARM_UP)))) / 2


def staged_learning_rate_factor(fraction_done: float) -> float:
    """The same rise, then 1 until the KL weight is final, then a cosine fall to 0."""
    if fraction_done < WARM_UP:
        return learning_rate_factor(fraction_done)
    fallen = (fraction_done - KL_RISE[1]) / (1 - KL_RISE[1])
    return (1 + math.cos(math.pi * min(1.0, max(0.0, fallen)))) / 2


def kl_weight_at(fraction_done: float, start: float, end: float) -> float:
    """Low until the latents follow the images, then rising, so that they end without noise."""
    lower, upper = KL_RISE
    return start + (end - start) * min(1.0, max(0.0, (fraction_done - lower) / (upper - lower)))


def epoch_generator(seed: int, epoch: int, rank: int = 0) -> torch.Generator:
    """Random numbers of one epoch: the same whether or not the run was interrupted before it."""
    return torch.Generator().manual_seed((seed * SEED_STRIDE + epoch) * 1024 + rank)


def shuffled_batches(rows: Tensor, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    """All rows in random order; the last, smaller batch is kept unless it is the only remainder of a larger set."""
    order = rows[torch.randperm(len(rows), generator=generator)]
    batches = list(order.split(batch_size))
    return batches[:-1] if len(batches) > 1 and len(batches[-1]) < batch_size else batches
