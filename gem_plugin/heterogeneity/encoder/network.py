"""The image encoder: from anchor scores and view to a mean and a log-variance per latent dimension."""

from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gem_plugin.heterogeneity.matrix_products import Linear

LOG_VARIANCE_RANGE = (-12.0, 3.0)  # keeps exp() finite; the prior has 0
FIRST_CAPABILITY_WITH_BFLOAT16 = (8, 0)  # Ampere
SMALL_START = 0.3  # scale of the last layer, so that training begins near the prior


class LatentDistribution(NamedTuple):
    """An independent normal distribution per particle and dimension."""

    means: Tensor  # (batch, latent_size)
    log_variances: Tensor  # (batch, latent_size)

    def sample(self, noise: Tensor) -> Tensor:
        """Latents of these distributions; noise (batch, latent_size) is standard normal."""
        return self.means + noise * torch.exp(self.log_variances / 2)

    def kl_divergence(self) -> Tensor:  # (batch,) nats, from the standard normal prior
        return 0.5 * (self.means**2 + self.log_variances.exp() - self.log_variances - 1).sum(1)


class ImageEncoder(nn.Module):
    """A multilayer perceptron on standardised inputs."""

    input_mean: Tensor
    input_scale: Tensor

    def __init__(self, n_inputs: int, latent_size: int, width: int, n_layers: int) -> None:
        super().__init__()
        self.trains_in_bfloat16 = False
        self.register_buffer("input_mean", torch.zeros(n_inputs))
        self.register_buffer("input_scale", torch.ones(n_inputs))
        layers: list[nn.Module] = []
        for layer in range(n_layers):
            layers += [Linear(n_inputs if layer == 0 else width, width), nn.SiLU()]
        last = Linear(width, 2 * latent_size)
        nn.init.zeros_(last.bias)
        last.weight.data *= SMALL_START
        self.network = nn.Sequential(*layers, last)

    def standardise_by(self, sample: Tensor, n_anchors: int) -> None:
        """Set mean and scale from a sample of inputs; the anchor scores keep their relative sizes (one common scale)."""
        self.input_mean.copy_(sample.mean(0))
        scale = sample.std(0, correction=0)  # 0 for a single particle, not NaN
        scale[:n_anchors] = sample[:, :n_anchors].std(correction=0)
        self.input_scale.copy_(scale.clamp_min(1e-6))

    def forward(self, inputs: Tensor) -> LatentDistribution:  # inputs (batch, n_inputs)
        """Products in bfloat16 while training if that was requested; results, and latents for the user, in float32."""
        standardised = (inputs - self.input_mean) / self.input_scale
        is_short = self.trains_in_bfloat16 and self.training
        with torch.autocast(inputs.device.type, torch.bfloat16) if is_short else nullcontext():
            outputs = self.network(standardised)
        means, log_variances = outputs.float().chunk(2, dim=1)
        return LatentDistribution(means, log_variances.clamp(*LOG_VARIANCE_RANGE))


def is_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether networks train in bfloat16; "auto" does so on CUDA devices that have it in hardware."""
    if precision != "auto":
        return precision == "bfloat16"
    return (
        device.type == "cuda" and torch.cuda.get_device_capability(device) >= FIRST_CAPABILITY_WITH_BFLOAT16
    )
