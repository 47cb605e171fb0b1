"""What it costs when neighbours do not keep their distance, so that parts move as bodies do.

Images show where density is, not which Gaussian it is made of: Gaussians may change places within a part that rests, and a part
that turns may be made of others in every state. Distances that are read from the model are then wrong, and the freedom fits noise. Each pair
of neighbours whose distance changes therefore pays a price, once for the whole set, however often and however much it changes:
v / (v + e), with v the variance of the distance over the particles. A hinge costs little, as few pairs are stretched there.

Neighbours are those of conformations that the model has learned, and not of the consensus alone, in which parts that move are smeared.
"""

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

FREE_VARIANCE = 0.25  # e, square pixels: changes far below half a pixel are free
CONFORMATIONS = 4  # in which neighbours are looked for
NEAREST = 12  # of which one is drawn for every Gaussian and conformation
PARTICLES_COMPARED = 16  # of a batch
LEAST_SQUARED_DISTANCE = 1e-6  # square pixels; keeps the gradient finite where two Gaussians meet


def stretch_price(positions: Tensor, pairs: Tensor) -> Tensor:  # (batch, n, 3) pixels, (2, m) int64 -> ()
    """How many Gaussians do not keep the distance to their neighbours: n times the mean of v / (v + e) over the pairs."""
    compared = positions[:PARTICLES_COMPARED]
    n_particles, n_gaussians, _ = compared.shape
    if n_particles < 2 or not pairs.shape[1]:
        return positions.new_zeros(())
    by_gaussian = compared.transpose(0, 1).reshape(n_gaussians, -1)  # one row each, fast to gather
    between = by_gaussian.index_select(0, pairs[0]) - by_gaussian.index_select(0, pairs[1])
    squared = between.view(-1, n_particles, 3).square().sum(2)
    distances = (squared + LEAST_SQUARED_DISTANCE).sqrt()  # (m, batch)
    variances = (distances - distances.mean(1, keepdim=True)).square().mean(1)
    return n_gaussians * (variances / (variances + FREE_VARIANCE)).mean()


def draw_neighbours(
    conformations: Tensor,  # (c, n, 3): positions in each
    generator: torch.Generator,
) -> Tensor:  # (2, c * n) int64, on the device of the positions
    """For every Gaussian one of its nearest neighbours in each conformation, at random."""
    n_gaussians = conformations.shape[1]
    n_nearest = min(NEAREST, n_gaussians - 1)
    if n_nearest < 1:
        return torch.empty((2, 0), dtype=torch.int64, device=conformations.device)
    own = np.arange(n_gaussians)
    pairs = []
    for points in conformations.detach().double().cpu().numpy():
        nearest = cKDTree(points).query(points, n_nearest + 1)[1]  # with itself, mostly as the first
        drawn = torch.randint(1, n_nearest + 1, (n_gaussians,), generator=generator).numpy()
        pairs.append(np.stack([own, nearest[own, drawn]]))
    return torch.from_numpy(np.concatenate(pairs, axis=1)).to(conformations.device)
