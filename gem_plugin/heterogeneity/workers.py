"""Several processes that train one model together (torchrun, one a device). Alone, everything here does nothing.

Every process walks through the same joint batches and takes every size-th particle of each, with its rows of the
same random numbers; gradients are averaged. The result is that of one process with the joint batch, within rounding.
"""

from dataclasses import dataclass

from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.heterogeneity.encoder.network import LatentDistribution
from gem_plugin.heterogeneity.model import HeterogeneityModel


@dataclass(frozen=True)
class Workers:
    """This process among those that train together."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:  # the one that writes and speaks
        return self.rank == 0

    def local_rows(self, values: Tensor) -> Tensor:
        """This process's part of a joint batch."""
        return values[self.rank :: self.size]

    def mean(self, values: Tensor) -> Tensor:
        """The mean over the processes."""
        if self.size == 1:
            return values
        total = values.clone()
        distributed.all_reduce(total)
        return total / self.size

    def sum(self, values: Tensor) -> Tensor:
        return self.mean(values) * self.size

    def any(self, flag: Tensor) -> Tensor:  # () bool
        """Whether the flag is set in any process."""
        return flag if self.size == 1 else self.sum(flag.float()) > 0


def current_workers() -> Workers:
    """As torch.distributed was set up; alone when it was not."""
    if not distributed.is_available() or not distributed.is_initialized():
        return Workers()
    return Workers(distributed.get_rank(), distributed.get_world_size())


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
