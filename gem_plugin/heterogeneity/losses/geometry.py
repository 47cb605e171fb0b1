"""What we may demand of motions beyond the images: neighbours keep their distances, move alike, stay apart.

Each term is a weighted mean over neighbouring pairs (and images), so its size does not depend on how many there are.
Weights of pairs are exp(1 - distance / spacing). Lengths are in pixels.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from gem_plugin.heterogeneity.losses.neighbour_pairs import NeighbourPairs

REPULSION_REACH_IN_SPACINGS = 1.5
MINIMUM_LENGTH = 1e-6  # keeps the gradient of a length finite where points meet


def distance_change(positions: Tensor, pairs: NeighbourPairs) -> Tensor:  # positions (batch, n, 3)
    """Mean squared change of the distance between neighbours, in square pixels."""
    return _weighted_mean((_distances(positions, pairs) - pairs.rest_distances) ** 2, pairs.weights)


def direction_difference(
    displacements: Tensor, pairs: NeighbourPairs
) -> Tensor:  # displacements (batch, n, 3)
    """One minus the mean cosine between the displacements of neighbours: 0 when all move in the same direction."""
    first, second = displacements[:, pairs.first], displacements[:, pairs.second]
    cosines = torch.cosine_similarity(first, second, dim=-1, eps=MINIMUM_LENGTH)
    return _weighted_mean(1 - cosines, pairs.weights)


def spacing_error(positions: Tensor, pairs: NeighbourPairs) -> Tensor:  # positions (batch, n, 3)
    """Mean absolute difference between the distance of close neighbours and the mean spacing, in pixels."""
    is_close = pairs.rest_distances <= REPULSION_REACH_IN_SPACINGS * pairs.spacing
    weights = is_close.to(pairs.weights.dtype)
    return _weighted_mean((_distances(positions, pairs) - pairs.spacing).abs(), weights)


def feature_difference(features: Tensor, pairs: NeighbourPairs) -> Tensor:  # features (n, n_features)
    """Mean squared difference between the features of neighbours, per feature."""
    squared = ((features[pairs.first] - features[pairs.second]) ** 2).mean(1)
    return _weighted_mean(squared[None], pairs.weights)


MOTION_TERMS: dict[str, Callable[[Tensor, Tensor, NeighbourPairs], Tensor]] = {
    "distance": lambda positions, displacements, pairs: distance_change(positions, pairs),
    "direction": lambda positions, displacements, pairs: direction_difference(displacements, pairs),
    "repulsion": lambda positions, displacements, pairs: spacing_error(positions, pairs),
}


def _distances(positions: Tensor, pairs: NeighbourPairs) -> Tensor:  # (batch, m)
    difference = positions[:, pairs.first] - positions[:, pairs.second]
    return ((difference**2).sum(-1) + MINIMUM_LENGTH**2).sqrt()


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:  # (batch, m), (m,) -> ()
    return (values * weights).sum() / (weights.sum() * len(values)).clamp_min(1e-12)
