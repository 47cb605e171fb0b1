"""The model: a canonical cloud of Gaussians, a decoder that changes it, an encoder that reads images."""

import torch
from torch import Tensor, nn

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.heterogeneity.decoders.base import Decoder
from gem_plugin.heterogeneity.encoder.anchor_scores import Anchors
from gem_plugin.heterogeneity.encoder.network import ImageEncoder
from gem_plugin.heterogeneity.moved_cloud import CanonicalCloud, moved_cloud

LOG_WIDTH_LIMIT = 0.7  # the latents at most double or halve a width


class HeterogeneityModel(nn.Module):
    """Positions are kept in pixels of the working box; gaussians_at gives Angstrom."""

    widths_in_pixels: Tensor
    is_mobile: Tensor

    def __init__(
        self,
        consensus: GaussianCloud,  # one cloud
        decoder: Decoder,
        encoder: ImageEncoder | None,  # None for models whose latents come from elsewhere
        anchors: Anchors | None,
        box_size: int,
        pixel_size_in_angstroms: float,
        is_mobile: Tensor | None = None,  # (n,) bool; False keeps a Gaussian in its consensus state
        trains_widths: bool = False,
    ) -> None:
        super().__init__()
        self.box_size = box_size
        self.pixel_size_in_angstroms = pixel_size_in_angstroms
        cloud = consensus.in_pixels(pixel_size_in_angstroms)
        self.positions_in_pixels = nn.Parameter(cloud.positions.clone())
        floor = 1e-3 * cloud.amplitudes.mean()
        self.log_amplitudes = nn.Parameter(cloud.amplitudes.clamp_min(floor).log())
        self.log_widths = nn.Parameter(cloud.widths.log(), requires_grad=trains_widths)
        n = len(cloud)
        self.register_buffer("is_mobile", torch.ones(n, dtype=torch.bool) if is_mobile is None else is_mobile)
        self.decoder = decoder
        self.encoder = encoder
        self.anchors = anchors

    @property
    def latent_size(self) -> int:
        return self.decoder.latent_size

    @property
    def n_gaussians(self) -> int:
        return len(self.positions_in_pixels)

    def consensus(self) -> GaussianCloud:
        """The canonical cloud, in pixels."""
        amplitudes, widths = self.log_amplitudes.exp(), self.log_widths.exp()
        return GaussianCloud(self.positions_in_pixels, amplitudes, widths, LengthUnit.PIXEL)

    def cloud_in_pixels(self, latents: Tensor) -> GaussianCloud:  # latents (batch, latent_size)
        """The cloud of each latent, positions and widths in pixels of the working box."""
        change = self.decoder(latents)
        mobile = self.is_mobile.to(latents.dtype)
        positions, log_amplitudes, log_widths = (
            self._canonical(values)
            for values in (self.positions_in_pixels, self.log_amplitudes, self.log_widths)
        )
        canonical = CanonicalCloud(positions, log_amplitudes, mobile)
        positions, amplitudes = moved_cloud(canonical, change.displacements_in_pixels, change.log_amplitudes)
        if change.log_widths is not None:
            bounded = LOG_WIDTH_LIMIT * torch.tanh(change.log_widths / LOG_WIDTH_LIMIT)
            log_widths = log_widths + bounded * mobile
        return GaussianCloud(positions, amplitudes, log_widths.exp(), LengthUnit.PIXEL)

    def _canonical(self, values: Tensor) -> Tensor:  # (n,) or (n, 3)
        """The values, trained only where Gaussians may change: a focus mask keeps the others as the consensus has them."""
        mobile = self.is_mobile if values.ndim == 1 else self.is_mobile[:, None]
        return torch.where(mobile, values, values.detach())

    def gaussians_at(self, latents: Tensor) -> GaussianCloud:  # latents (batch, latent_size)
        """The cloud of each latent, in Angstrom."""
        return self.cloud_in_pixels(latents).in_angstroms(self.pixel_size_in_angstroms)
