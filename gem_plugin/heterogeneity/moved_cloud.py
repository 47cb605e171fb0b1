"""A canonical cloud with the changes of a batch applied: positions and amplitudes of every particle's Gaussians."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

LOG_AMPLITUDE_LIMIT = 6.0  # exp(6) = 400 times up or down: nothing physical lies beyond
LIMIT = np.float32(LOG_AMPLITUDE_LIMIT)


class CanonicalCloud(NamedTuple):
    """What changes start from."""

    positions: Tensor  # (n, 3)
    log_amplitudes: Tensor  # (n,)
    mobile: Tensor  # (n,): 1, or 0 for Gaussians that keep their state


def moved_cloud(
    canonical: CanonicalCloud,
    displacements: Tensor,  # (batch, n, 3), in the unit of the positions
    log_amplitudes: Tensor,  # (batch, n): the change
) -> tuple[Tensor, Tensor]:  # (batch, n, 3), (batch, n)
    """Positions p + d and amplitudes exp(l + c), the change c kept within LOG_AMPLITUDE_LIMIT. One pass over the memory on CPUs."""
    values = *canonical, displacements, log_amplitudes
    if all(value.device.type == "cpu" and value.dtype == torch.float32 for value in values):
        return _MovedCloud.apply(*values)
    return moved_cloud_reference(canonical, displacements, log_amplitudes)


def moved_cloud_reference(
    canonical: CanonicalCloud, displacements: Tensor, log_amplitudes: Tensor
) -> tuple[Tensor, Tensor]:
    """The same in plain torch."""
    mobile = canonical.mobile
    positions = canonical.positions + displacements * mobile[:, None]
    log_change = (log_amplitudes * mobile).clamp(-LOG_AMPLITUDE_LIMIT, LOG_AMPLITUDE_LIMIT)
    return positions, (canonical.log_amplitudes + log_change).exp()


class _MovedCloud(torch.autograd.Function):
    """In memory, the positions are planes (batch, 3, n): the motion decoder makes them, and the projection reads them."""

    @staticmethod
    def forward(
        ctx: Any,
        positions: Tensor,
        log_amplitudes: Tensor,
        mobile: Tensor,
        displacements: Tensor,
        log_changes: Tensor,
    ) -> tuple[Tensor, Tensor]:
        from gem_plugin.heterogeneity.moved_cloud_numba import change_logs

        planes, log_changes = displacements.transpose(1, 2).contiguous(), log_changes.contiguous()
        moved = torch.addcmul(positions.t().contiguous(), planes, mobile)
        amplitudes = torch.empty(log_changes.shape)
        values = log_amplitudes.contiguous(), mobile, log_changes
        change_logs(*(value.detach().numpy() for value in values), LIMIT, amplitudes.numpy())
        amplitudes.exp_()
        ctx.save_for_backward(mobile, log_changes, amplitudes)
        return moved.transpose(1, 2), amplitudes

    @staticmethod
    def backward(ctx: Any, by_position: Tensor, by_amplitude: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        from gem_plugin.heterogeneity.moved_cloud_numba import change_back

        mobile, log_changes, amplitudes = ctx.saved_tensors
        by_log, by_log_change = torch.empty_like(log_changes), torch.empty_like(log_changes)
        given = by_amplitude.contiguous(), amplitudes, mobile, log_changes
        change_back(*(value.numpy() for value in given), LIMIT, by_log.numpy(), by_log_change.numpy())
        planes = by_position.transpose(1, 2).contiguous()
        by_displacement = planes if bool(mobile.all()) else planes * mobile
        return planes.sum(0).t(), by_log.sum(0), None, by_displacement.transpose(1, 2), by_log_change
