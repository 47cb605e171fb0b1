"""Mean and spread of the maps of one state."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class StateMaps(NamedTuple):
    """Two maps of one state."""

    mean: np.ndarray  # (d, d, d) float32
    std: np.ndarray  # (d, d, d) float32: weighted population standard deviation


def average_volumes(
    volumes: Iterable[np.ndarray],  # maps of one state, one after the other
    weights: np.ndarray,  # (k,), particles per map
) -> StateMaps:
    """Weighted mean and standard deviation in one pass (West 1979), with two maps in memory."""
    total = 0.0
    mean = squares = np.zeros(())
    for volume, weight in zip(volumes, weights, strict=True):
        if total == 0:
            mean = np.zeros(volume.shape)
            squares = np.zeros(volume.shape)
        total += float(weight)
        difference = volume - mean
        mean += (weight / total) * difference
        squares += weight * difference * (volume - mean)
    std = np.sqrt(np.maximum(squares / total, 0))
    return StateMaps(mean.astype(np.float32), std.astype(np.float32))
