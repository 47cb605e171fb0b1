"""What it costs when neighbours do not keep their distance, so that parts move as bodies do.

Images show where density is, not which Gaussian it is made of: Gaussians may change places within a part that rests, and a part
that turns may be made of others in every state. Distances that are read from the model are then wrong, and the freedom fits noise. Each pair
of neighbours whose distance changes therefore pays a price, once for the whole set, however often and however much it changes:
v / (v + e), with v the variance of the distance over the particles. A hinge costs little, as few pairs are stretched there.

Neighbours are those of conformations that the model has learned, and not of the consensus alone, in which parts that move are smeared.
"""

from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

FREE_VARIANCE = 0.25  # e, square pixels: changes far below half a pixel are free
CONFORMATIONS = 4  # in which neighbours are looked for
NEAREST = 12  # of which one is drawn for every Gaussian and conformation
PARTICLES_COMPARED = 16  # of a batch
ROWS_AT_A_TIME = 4096  # of all distances, on a GPU
LEAST_SQUARED_DISTANCE = 1e-6  # square pixels; keeps the gradient finite where two Gaussians meet


def stretch_price(positions: Tensor, pairs: Tensor) -> Tensor:  # (batch, n, 3) pixels, (2, m) int64 -> ()
    """How many Gaussians do not keep the distance to their neighbours: n times the mean of v / (v + e) over the pairs."""
    if len(positions) < 2 or not pairs.shape[1]:
        return positions.new_zeros(())
    if positions.device.type == "cpu" and positions.dtype == torch.float32:
        return _StretchPrice.apply(positions, pairs)
    return stretch_price_reference(positions[:PARTICLES_COMPARED], pairs)


def stretch_price_reference(compared: Tensor, pairs: Tensor) -> Tensor:
    """The same for particles that are all compared, in plain torch."""
    n_particles, n_gaussians, _ = compared.shape
    by_gaussian = compared.transpose(0, 1).reshape(n_gaussians, -1)  # one row each, fast to gather
    between = by_gaussian.index_select(0, pairs[0]) - by_gaussian.index_select(0, pairs[1])
    squared = between.view(-1, n_particles, 3).square().sum(2)
    distances = (squared + LEAST_SQUARED_DISTANCE).sqrt()  # (m, batch)
    variances = (distances - distances.mean(1, keepdim=True)).square().mean(1)
    return n_gaussians * (variances / (variances + FREE_VARIANCE)).mean()


class _StretchPrice(torch.autograd.Function):
    """The price on CPUs; the derivatives of the pairs are by-products of their prices. Gradients are planes (batch, 3, n) in memory."""

    @staticmethod
    def forward(ctx: Any, positions: Tensor, pairs: Tensor) -> Tensor:
        from gem_plugin.heterogeneity.losses.stretching_numba import AT_A_TIME, price_of_pairs, side_by_side

        planes = positions[:PARTICLES_COMPARED].detach().transpose(1, 2).contiguous()
        n_compared, _, n_gaussians = planes.shape
        size = -(-n_compared // AT_A_TIME) * AT_A_TIME
        points, pulls = torch.zeros(n_gaussians, 3, size), torch.zeros(pairs.shape[1], size)
        side_by_side(planes.numpy(), points.numpy())
        prices, limits = (
            torch.empty(pairs.shape[1]),
            (np.float32(FREE_VARIANCE), np.float32(LEAST_SQUARED_DISTANCE)),
        )
        price_of_pairs(points.numpy(), n_compared, pairs.numpy(), *limits, prices.numpy(), pulls.numpy())
        ctx.save_for_backward(points, pairs, pulls)
        ctx.n_compared, ctx.n_particles = n_compared, len(positions)
        return n_gaussians * prices.mean()

    @staticmethod
    def backward(ctx: Any, by_price: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        from gem_plugin.heterogeneity.losses.stretching_numba import AT_A_TIME, pull_apart

        points, pairs, pulls = ctx.saved_tensors
        n_gaussians, _, size = points.shape
        by_point = torch.zeros(size // AT_A_TIME, n_gaussians, 3, AT_A_TIME)
        pull_apart(points.numpy(), pairs.numpy(), pulls.numpy(), by_point.numpy())
        strides_of_planes = 3 * n_gaussians, 1, n_gaussians
        by_position = torch.empty_strided((ctx.n_particles, n_gaussians, 3), strides_of_planes).zero_()
        of_compared = by_point.permute(0, 3, 2, 1).flatten(0, 1)[: ctx.n_compared]
        by_plane = by_position.transpose(1, 2)  # a view: autograd adds in place only to what is none
        torch.mul(of_compared, by_price * n_gaussians / pairs.shape[1], out=by_plane[: ctx.n_compared])
        return by_position, None


def draw_neighbours(
    conformations: Tensor,  # (c, n, 3): positions in each
    generator: torch.Generator,
) -> Tensor:  # (2, c * n) int64, on the device of the positions
    """For every Gaussian one of its nearest neighbours in each conformation, at random."""
    n_gaussians = conformations.shape[1]
    n_nearest = min(NEAREST, n_gaussians - 1)
    if n_nearest < 1:
        return torch.empty((2, 0), dtype=torch.int64, device=conformations.device)
    pairs = []
    for points in conformations.detach():
        drawn = torch.randint(1, n_nearest + 1, (n_gaussians, 1), generator=generator)
        nearest = _nearest(points, n_nearest + 1)  # with itself, mostly as the first
        own = torch.arange(n_gaussians, device=points.device)
        pairs.append(torch.stack([own, nearest.gather(1, drawn.to(points.device))[:, 0]]))
    return torch.cat(pairs, 1)


def _nearest(points: Tensor, n_nearest: int) -> Tensor:  # (n, 3) -> (n, n_nearest) int64, the nearest first
    if points.is_cuda:
        parts = [
            torch.cdist(some, points).topk(n_nearest, largest=False).indices
            for some in points.split(ROWS_AT_A_TIME)
        ]
        return torch.cat(parts)
    own = points.double().numpy()
    return torch.from_numpy(cKDTree(own).query(own, n_nearest)[1])
