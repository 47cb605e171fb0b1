"""The default decoder: every change is a sum of K basis motions, weighted by coefficients that depend on the latents.

    change_i(z) = sum_k c_k(z) b_ik,   b_i = g(f_i),   c = network(z)
The Gaussian encoder g turns a learned feature vector per Gaussian into K basis vectors (displacement, log-amplitude and,
if requested, log-width). It does not depend on the image, so a batch costs one small matrix product.
"""

import math

import torch
from torch import Tensor, nn

from gem_plugin.heterogeneity.decoders.base import CloudChange, Decoder
from gem_plugin.heterogeneity.matrix_products import Linear, product

COEFFICIENT_WIDTH = 128
BASIS_WIDTH = 64
WAVES_PER_EXTENT = 0.5  # frequency of the first features: about one wave across the molecule


class MotionBasisDecoder(Decoder):
    """Low-rank motion and compositional change of a cloud."""

    extent_in_pixels: Tensor

    def __init__(
        self,
        positions_in_pixels: Tensor,  # (n, 3): canonical positions, where the features start from
        latent_size: int,
        n_basis: int,
        n_features: int,
        changes_widths: bool,
        generator: torch.Generator,
        learns_features: bool = True,  # else the features stay functions of position
    ) -> None:
        super().__init__()
        self.n_gaussians, self.latent_size, self.n_basis = len(positions_in_pixels), latent_size, n_basis
        self.n_channels = 5 if changes_widths else 4
        extent = positions_in_pixels.std()
        self.register_buffer("extent_in_pixels", extent)
        features = positional_features(positions_in_pixels, n_features, extent, generator)
        if learns_features:
            self.features: Tensor = nn.Parameter(features)
        else:
            self.register_buffer("features", features)
        self.gaussian_encoder = nn.Sequential(
            Linear(n_features, BASIS_WIDTH), nn.SiLU(), Linear(BASIS_WIDTH, n_basis * self.n_channels)
        )
        self.coefficients = nn.Sequential(
            nn.Linear(latent_size, COEFFICIENT_WIDTH),
            nn.SiLU(),
            nn.Linear(COEFFICIENT_WIDTH, COEFFICIENT_WIDTH),
            nn.SiLU(),
            nn.Linear(COEFFICIENT_WIDTH, n_basis),
        )

    def gaussian_features(self) -> Tensor:
        return self.features

    def basis(self) -> Tensor:  # (n_basis, n * n_channels)
        per_gaussian = self.gaussian_encoder(self.features)  # (n, n_basis * n_channels)
        split = per_gaussian.view(self.n_gaussians, self.n_basis, self.n_channels)
        return split.permute(1, 0, 2).reshape(self.n_basis, -1)

    def forward(self, latents: Tensor) -> CloudChange:
        displacements, log_amplitudes, log_widths = self._changes(
            self.coefficients(latents) / math.sqrt(self.n_basis)
        )
        return CloudChange(displacements.transpose(1, 2), log_amplitudes, log_widths)

    def _changes(
        self, coefficients: Tensor
    ) -> tuple[
        Tensor, Tensor, Tensor | None
    ]:  # (batch, n_basis) -> (batch, 3, n) pixels, (batch, n), (batch, n)
        """coefficients @ basis(), with the last layer of the Gaussian encoder mixed first: no basis is stored or reordered."""
        first, activation, last = self.gaussian_encoder
        assert isinstance(first, nn.Linear)
        assert isinstance(last, nn.Linear)
        # (BASIS_WIDTH, n): Gaussians along the rows, as the products read and write them
        hidden = activation(product(first.weight, self.features.t()) + first.bias[:, None])
        hidden = torch.cat([hidden, hidden.new_ones(1, self.n_gaussians)])  # with the constants
        weights = torch.cat([last.weight, last.bias[:, None]], 1).view(self.n_basis, -1)
        mixed = (coefficients @ weights).view(len(coefficients), self.n_channels, BASIS_WIDTH + 1)
        motion = product((mixed[:, :3] * self.extent_in_pixels).flatten(0, 1), hidden)
        log_widths = product(mixed[:, 4], hidden) if self.n_channels == 5 else None
        return motion.view(-1, 3, self.n_gaussians), product(mixed[:, 3], hidden), log_widths


def positional_features(
    positions: Tensor,  # (n, 3)
    n_features: int,  # even
    extent: Tensor,
    generator: torch.Generator,
) -> Tensor:  # (n, n_features)
    """Random Fourier features: sines and cosines of random directions (Rahimi and Recht, 2007)."""
    directions = torch.randn(3, n_features // 2, generator=generator) * 2 * WAVES_PER_EXTENT / extent
    phases = positions @ directions
    return torch.cat([phases.sin(), phases.cos()], 1)
