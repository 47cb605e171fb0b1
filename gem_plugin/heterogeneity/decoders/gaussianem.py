"""A model trained by GaussianEM, decoded as its own program does, so that its latents can be analysed here.

Its training computes a change of the widths but never uses it, so that head of its network holds random numbers;
it is left out unless `applies_width_change` says that a corrected version trained it.
"""

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.heterogeneity.decoders.per_gaussian_network import N_VALUES, NetworkSizes, PerGaussianNetwork


@dataclass(frozen=True)
class GaussianEmArchitecture:
    """All that fixes the shapes of such a model and the meaning of its numbers; saved beside them."""

    n_gaussians: int
    latent_size: int
    box_size: int
    pixel_size_in_angstroms: float
    smallest_width_in_pixels: float
    largest_width_in_pixels: float
    applies_width_change: bool = False
    gaussian_kdim: int = NetworkSizes.gaussian_kdim
    gaussian_klayers: int = NetworkSizes.gaussian_klayers
    gaussian_embedding_dim: int = NetworkSizes.gaussian_embedding_dim
    feature_kdim: int = NetworkSizes.feature_kdim
    feature_klayers: int = NetworkSizes.feature_klayers
    feature_dim: int = NetworkSizes.feature_dim

    def network_sizes(self) -> NetworkSizes:
        return NetworkSizes(**{field.name: getattr(self, field.name) for field in fields(NetworkSizes)})


class GaussianEmModel(nn.Module):
    """Decodes like HeterogeneityModel; the encoder of images is not kept, as the latents come with the model."""

    values: Tensor

    def __init__(self, architecture: GaussianEmArchitecture, values: Tensor | None = None) -> None:
        """`values` (n, 5): density before softplus, width before sigmoid, xyz in half boxes; None: loaded later."""
        super().__init__()
        self.architecture = architecture
        self.latent_size, self.box_size = architecture.latent_size, architecture.box_size
        self.pixel_size_in_angstroms = architecture.pixel_size_in_angstroms
        self.register_buffer(
            "values", torch.zeros(architecture.n_gaussians, N_VALUES) if values is None else values
        )
        self.network = PerGaussianNetwork(self.latent_size, architecture.network_sizes())

    @property
    def n_gaussians(self) -> int:
        return len(self.values)

    @property
    def positions_in_pixels(self) -> Tensor:  # (n, 3)
        return self.values[:, 2:] * self.box_size / 2

    def load_network(self, weights: dict[str, Tensor]) -> None:
        """Take the decoder's weights out of a model_state_dict. Raises InputError when they do not fit."""
        kept = {name: value for name, value in weights.items() if not name.startswith("encoder.")}
        try:
            self.network.load_state_dict(kept)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:300]
            raise InputError(
                f"The weights do not fit the sizes in cfg.json ({reason}). Give the cfg.json of the same training."
            ) from error

    def consensus(self) -> GaussianCloud:
        """The cloud without any change, in pixels."""
        return self._activated(self.values[:, 0], self.values[:, 1], self.positions_in_pixels)

    def gaussians_at(self, latents: Tensor) -> GaussianCloud:  # latents (batch, latent_size)
        """The cloud of each latent, in Angstrom."""
        change = self.network(latents, self.values)
        raw_widths = self.values[:, 1]
        if self.architecture.applies_width_change and change.widths is not None:
            raw_widths = raw_widths + change.widths
        positions = self.positions_in_pixels + change.positions * self.box_size / 2
        cloud = self._activated(self.values[:, 0] + change.densities, raw_widths, positions)
        return cloud.in_angstroms(self.pixel_size_in_angstroms)

    def _activated(self, raw_densities: Tensor, raw_widths: Tensor, positions: Tensor) -> GaussianCloud:
        """In pixels. A density is the height of a Gaussian in voxels; an amplitude is its integral."""
        smallest = self.architecture.smallest_width_in_pixels
        largest = self.architecture.largest_width_in_pixels
        widths = torch.sigmoid(raw_widths) * (largest - smallest) + smallest
        heights = nn.functional.softplus(raw_densities)
        amplitudes = heights * (math.sqrt(2 * math.pi) * widths) ** 3
        return GaussianCloud(positions, amplitudes, widths, LengthUnit.PIXEL)


def raw_from_cloud(
    cloud: GaussianCloud,  # one cloud, in pixels
    width_range_in_pixels: tuple[float, float],
    box_size: int,
) -> Tensor:  # (n, 5): the values that give this cloud
    """The inverse of GaussianEmModel.consensus; widths must lie inside the range."""
    cloud = cloud.in_pixels()
    widths = cloud.widths
    heights = (cloud.amplitudes / (math.sqrt(2 * math.pi) * widths) ** 3).clamp_min(1e-6)
    raw_densities = heights + torch.log(-torch.expm1(-heights))
    smallest, largest = width_range_in_pixels
    raw_widths = torch.logit((widths - smallest) / (largest - smallest), eps=1e-6)
    positions = cloud.positions * 2 / box_size
    return torch.cat([raw_densities[:, None], raw_widths[:, None], positions], 1)


def width_range_for(widths_in_pixels: Tensor, usual: tuple[float, float] = (0.5, 1.0)) -> tuple[float, float]:
    """GaussianEM's usual range where the widths lie inside it, else one that holds them in its middle."""
    smallest, largest = (float(value) for value in torch.aminmax(widths_in_pixels))
    return usual if usual[0] < smallest and largest < usual[1] else (smallest / 2, largest * 1.5)
