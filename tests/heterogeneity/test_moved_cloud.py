"""One pass over the memory and plain torch move a cloud alike, in values and gradients."""

import pytest
import torch

from gem_plugin.heterogeneity.moved_cloud import (
    LOG_AMPLITUDE_LIMIT,
    CanonicalCloud,
    moved_cloud,
    moved_cloud_reference,
)

N_IMAGES, N_GAUSSIANS = 5, 37


def values_and_gradients(move, is_planar: bool, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)

    def leaf(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_()

    positions, logs = leaf(N_GAUSSIANS, 3), leaf(N_GAUSSIANS)
    planes, changes = leaf(N_IMAGES, 3, N_GAUSSIANS), leaf(N_IMAGES, N_GAUSSIANS)
    mobile = (torch.arange(N_GAUSSIANS) % 3 > 0).to(dtype)
    displacements = planes.transpose(1, 2)
    if not is_planar:
        displacements = displacements.contiguous()
    moved, amplitudes = move(CanonicalCloud(positions, logs, mobile), displacements, 5 * changes)
    weights = torch.randn(moved.shape, generator=generator, dtype=dtype)
    ((moved * weights).sum() + amplitudes.log1p().sum()).backward()
    leaves = positions, logs, planes, changes
    return [moved.detach(), amplitudes.detach(), *(one.grad for one in leaves if one.grad is not None)]


@pytest.mark.parametrize("is_planar", [True, False])
def test_one_pass_is_the_reference(is_planar: bool):
    found = values_and_gradients(moved_cloud, is_planar)
    expected = values_and_gradients(moved_cloud_reference, is_planar)
    assert len(found) == len(expected) == 6
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_a_change_beyond_the_limit_goes_no_further():
    canonical = CanonicalCloud(torch.zeros(2, 3), torch.zeros(2), torch.ones(2))
    changes = torch.tensor([[2 * LOG_AMPLITUDE_LIMIT, -2 * LOG_AMPLITUDE_LIMIT]], requires_grad=True)
    _, amplitudes = moved_cloud(canonical, torch.zeros(1, 2, 3), changes)
    torch.testing.assert_close(amplitudes.log(), torch.tensor([[LOG_AMPLITUDE_LIMIT, -LOG_AMPLITUDE_LIMIT]]))
    amplitudes.sum().backward()
    assert changes.grad is not None
    assert not changes.grad.any()


def test_double_precision_takes_the_reference():
    found = values_and_gradients(moved_cloud, True, torch.float64)
    assert all(one.dtype == torch.float64 for one in found)
