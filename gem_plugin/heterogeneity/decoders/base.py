"""What a decoder is: from latents to the change of every Gaussian. One base, one file per variant."""

from typing import NamedTuple

from torch import Tensor, nn


class CloudChange(NamedTuple):
    """The change of n Gaussians for each of a batch of latents."""

    displacements_in_pixels: Tensor  # (batch, n, 3), ordered xyz
    log_amplitudes: Tensor  # (batch, n): amplitudes are multiplied by exp of this
    log_widths: Tensor | None  # (batch, n) likewise; None when the widths do not change


class Decoder(nn.Module):
    """Base of all decoders; a subclass says in forward how latents move the cloud."""

    n_gaussians: int
    latent_size: int

    def forward(self, latents: Tensor) -> CloudChange:  # latents (batch, latent_size)
        raise NotImplementedError

    def gaussian_features(self) -> Tensor:  # (n, n_features): the embedding of each Gaussian
        raise NotImplementedError
