"""Pairs of Gaussians that are close in the consensus, found once; the geometric losses are sums over them."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

REACH_IN_SPACINGS = 2.0  # pairs farther apart are no neighbours
MAXIMUM_PAIRS_A_STEP = 2**14  # a random choice of more than these serves as well and bounds the memory


@dataclass(frozen=True)
class NeighbourPairs:
    """m pairs; all lengths in the unit of the positions that they were found in."""

    first: Tensor  # (m,) int64
    second: Tensor  # (m,)
    rest_distances: Tensor  # (m,)
    weights: Tensor  # (m,): exp(1 - distance / spacing)
    spacing: float  # mean distance of a Gaussian to its nearest neighbour

    def __len__(self) -> int:
        return len(self.first)

    def some(self, generator: torch.Generator, most: int = MAXIMUM_PAIRS_A_STEP) -> "NeighbourPairs":
        """All pairs, or a random choice where there are too many; the numbers come from a CPU generator."""
        if len(self) <= most:
            return self
        chosen = torch.randint(len(self), (most,), generator=generator).to(self.first.device)
        return replace(
            self,
            first=self.first[chosen],
            second=self.second[chosen],
            rest_distances=self.rest_distances[chosen],
            weights=self.weights[chosen],
        )


def find_neighbour_pairs(positions: Tensor) -> NeighbourPairs:  # (n, 3), at least two
    """Every pair within REACH_IN_SPACINGS mean spacings, once; on the device of the positions."""
    points = positions.detach().double().cpu().numpy()
    tree = cKDTree(points)
    spacing = float(tree.query(points, k=2)[0][:, 1].mean())
    pairs = tree.query_pairs(REACH_IN_SPACINGS * spacing, output_type="ndarray")  # (m, 2)
    distances = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    weights = np.exp(1 - distances / spacing)
    device = positions.device
    return NeighbourPairs(
        torch.tensor(pairs[:, 0], dtype=torch.int64, device=device),
        torch.tensor(pairs[:, 1], dtype=torch.int64, device=device),
        torch.tensor(distances, dtype=torch.float32, device=device),
        torch.tensor(weights, dtype=torch.float32, device=device),
        spacing,
    )
