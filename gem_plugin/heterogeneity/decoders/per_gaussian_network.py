"""GaussianEM's network: each Gaussian's five values and an image's latents give the change of that Gaussian.

The embedding of the Gaussians does not depend on the image, so it is computed once per step. The rest is worked through in
pieces that are recomputed when gradients flow back, so memory does not grow with images x Gaussians.
The modules carry GaussianEM's names, so that weights of its released models fit.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

N_VALUES = 5  # of a Gaussian: density, width, x, y, z
MAXIMUM_ROWS = 2**15  # pairs of image and Gaussian worked on at a time: some 700 MB, whatever the batch


@dataclass(frozen=True)
class NetworkSizes:
    """GaussianEM's sizes under its names; *_klayers counts the hidden layers after the first."""

    gaussian_kdim: int = 128
    gaussian_klayers: int = 3
    gaussian_embedding_dim: int = 32
    feature_kdim: int = 128
    feature_klayers: int = 2
    feature_dim: int = 256


class RawChange(NamedTuple):
    """What the three heads say, for every image and Gaussian."""

    densities: Tensor  # (batch, n)
    widths: Tensor | None  # (batch, n); None without that head
    positions: Tensor  # (batch, n, 3)


class PerGaussianNetwork(nn.Module):
    """Gaussian encoder, trunk and heads."""

    def __init__(self, latent_size: int, sizes: NetworkSizes, has_width_head: bool = True) -> None:
        super().__init__()
        self.latent_size = latent_size
        embedding_size, feature_size = sizes.gaussian_embedding_dim, sizes.feature_dim
        self.gaussian_embedding = nn.Sequential(
            *_layers(N_VALUES, sizes.gaussian_kdim, sizes.gaussian_klayers, embedding_size),
            nn.LayerNorm(embedding_size),
        )
        n_inputs = latent_size + embedding_size
        self.feature_decoder = nn.Sequential(
            *_layers(n_inputs, sizes.feature_kdim, sizes.feature_klayers, feature_size)
        )
        self.d_density = nn.Sequential(*_layers(feature_size, feature_size, 0, 1))
        self.d_scaling = nn.Sequential(*_layers(feature_size, feature_size, 0, 1)) if has_width_head else None
        self.d_xyz = nn.Sequential(*_layers(feature_size, feature_size, 0, 3))

    def heads(self) -> list[nn.Sequential]:
        """Density, width where there is one, position."""
        return [head for head in (self.d_density, self.d_scaling, self.d_xyz) if head is not None]

    def forward(self, latents: Tensor, values: Tensor) -> RawChange:  # (batch, latent_size), (n, N_VALUES)
        embedding = self.gaussian_embedding(values)  # (n, embedding): once for all images
        first = self.feature_decoder[0]
        assert isinstance(first, nn.Linear)
        of_images = latents @ first.weight[:, : self.latent_size].T + first.bias  # (batch, kdim)
        of_gaussians = embedding @ first.weight[:, self.latent_size :].T  # (n, kdim)
        at_a_time = max(1, MAXIMUM_ROWS // max(1, len(latents)))
        pieces = [self._piece(of_images, part) for part in of_gaussians.split(at_a_time)]
        change = torch.cat(pieces, 1)  # (batch, n, 4 or 5)
        widths = change[..., 1] if self.d_scaling is not None else None
        return RawChange(change[..., 0], widths, change[..., -3:])

    def _piece(self, of_images: Tensor, of_gaussians: Tensor) -> Tensor:  # (batch, part of n, 4 or 5)
        if torch.is_grad_enabled():
            return checkpoint(self._trunk_and_heads, of_images, of_gaussians, use_reentrant=False)
        return self._trunk_and_heads(of_images, of_gaussians)

    def _trunk_and_heads(self, of_images: Tensor, of_gaussians: Tensor) -> Tensor:
        features = of_images[:, None] + of_gaussians  # (batch, part of n, kdim)
        for layer in list(self.feature_decoder)[1:]:
            features = layer(features)
        return torch.cat([head(features) for head in self.heads()], -1)


def _layers(n_inputs: int, width: int, n_more: int, n_outputs: int) -> list[nn.Module]:
    """Linear layers with ReLU between them: one hidden layer, and `n_more` after it."""
    sizes = [n_inputs, *[width] * (n_more + 1)]
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return [*layers, nn.Linear(width, n_outputs)]
