"""Several processes that train one model together (torchrun, one a device). Alone, everything here does nothing.

Every process walks through the same joint batches and takes every size-th particle of each, with its rows of the
same random numbers; gradients are averaged. The result is that of one process with the joint batch, within rounding.
"""

from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.heterogeneity.encoder.network import LatentDistribution
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.processes.workers import Workers as Workers
from gem_plugin.processes.workers import current_workers as current_workers


class EncodeAndMove(nn.Module):
    """Encoder, sampling and decoder as one call, which is what DistributedDataParallel needs."""

    def __init__(self, model: HeterogeneityModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        encoder_inputs: Tensor,  # (batch, n_inputs)
        noise: Tensor,  # (batch, latent_size), standard normal
    ) -> tuple[LatentDistribution, tuple[Tensor, Tensor, Tensor]]:  # latents; positions, amplitudes, widths
        assert self.model.encoder is not None
        distribution = self.model.encoder(encoder_inputs)
        cloud = self.model.cloud_in_pixels(distribution.sample(noise))
        return distribution, (cloud.positions, cloud.amplitudes, cloud.widths)


class JointModel:
    """Calls EncodeAndMove, through DistributedDataParallel where there are several processes."""

    def __init__(self, model: HeterogeneityModel, workers: Workers) -> None:
        self.module: nn.Module = EncodeAndMove(model)
        if workers.size > 1:
            self.module = DistributedDataParallel(self.module, broadcast_buffers=False)

    def __call__(self, encoder_inputs: Tensor, noise: Tensor) -> tuple[LatentDistribution, GaussianCloud]:
        distribution, (positions, amplitudes, widths) = self.module(encoder_inputs, noise)
        return distribution, GaussianCloud(positions, amplitudes, widths, LengthUnit.PIXEL)
