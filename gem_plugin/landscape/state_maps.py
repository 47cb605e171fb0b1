"""Mean and standard deviation of the maps of one state."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class StateMaps(NamedTuple):
    """Two maps of one state."""

    mean: np.ndarray  # (d, d, d) float32
    std: np.ndarray  # (d, d, d) float32: weighted population standard deviation


def average_volumes(
    volumes: Iterable[np.ndarray | Tensor],  # maps of one state, one after the other, all on one device
    weights: np.ndarray,  # (k,), particles per map
) -> StateMaps:
    """Weighted mean and standard deviation in one pass, with a few maps in memory.

    Sums are taken of the differences from the first map, which keeps small differences from drowning in the mean.
    """
    total, first, sums, squares = 0.0, None, None, None
    for volume, weight in zip(volumes, weights, strict=True):
        values = torch.as_tensor(volume).double()
        if first is None or sums is None or squares is None:
            first, sums, squares = values, torch.zeros_like(values), torch.zeros_like(values)
        difference = values - first
        total += float(weight)
        sums.add_(difference, alpha=float(weight))
        squares.addcmul_(difference, difference, value=float(weight))
    assert first is not None, "a state has at least one map"
    assert sums is not None
    assert squares is not None
    shift = sums / total
    variance = (squares / total - shift**2).clamp_(min=0)
    return StateMaps((first + shift).float().cpu().numpy(), variance.sqrt().float().cpu().numpy())
