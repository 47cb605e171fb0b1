"""GaussianEM's decoder, `--decoder mlp`: a network looks at every Gaussian for every image. Exact and slow."""

import torch
from torch import Tensor, nn

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.heterogeneity.decoders.base import CloudChange, Decoder
from gem_plugin.heterogeneity.decoders.per_gaussian_network import NetworkSizes, PerGaussianNetwork

SMALL_START = 0.05  # scale of the last layers, so that training begins near the consensus


class MlpDecoder(Decoder):
    """The change of each Gaussian from its own five values and the latents."""

    extent_in_pixels: Tensor

    def __init__(
        self,
        consensus: GaussianCloud,  # one cloud, in pixels
        latent_size: int,
        sizes: NetworkSizes,
        changes_widths: bool,
        learns_features: bool,  # else the five values stay those of the consensus
    ) -> None:
        super().__init__()
        self.n_gaussians, self.latent_size = len(consensus), latent_size
        self.register_buffer("extent_in_pixels", consensus.in_pixels().positions.std())
        values = standardised_values(consensus)
        if learns_features:
            self.values: Tensor = nn.Parameter(values)
        else:
            self.register_buffer("values", values)
        self.network = PerGaussianNetwork(latent_size, sizes, changes_widths)
        for head in self.network.heads():
            last = head[-1]
            assert isinstance(last, nn.Linear)
            last.weight.data *= SMALL_START
            nn.init.zeros_(last.bias)

    def gaussian_features(self) -> Tensor:  # (n, gaussian_embedding_dim)
        return self.network.gaussian_embedding(self.values)

    def forward(self, latents: Tensor) -> CloudChange:
        change = self.network(latents, self.values)
        return CloudChange(change.positions * self.extent_in_pixels, change.densities, change.widths)


def standardised_values(cloud: GaussianCloud) -> Tensor:  # (n, 5): log-amplitude, log-width, x, y, z
    """The five values of each Gaussian, each of mean 0 and standard deviation about 1; the three axes share one scale."""
    floor = 1e-3 * cloud.amplitudes.mean()
    logs = torch.stack([cloud.amplitudes.clamp_min(floor).log(), cloud.widths.log()], 1)
    logs = (logs - logs.mean(0)) / logs.std(0).clamp_min(1e-3)
    positions = cloud.positions - cloud.positions.mean(0)
    return torch.cat([logs, positions / positions.std().clamp_min(1e-6)], 1)
