"""The compiled price of stretching beside plain torch: value and gradient."""

import pytest
import torch

from gem_plugin.heterogeneity.losses.stretching import (
    PARTICLES_COMPARED,
    draw_neighbours,
    stretch_price,
    stretch_price_reference,
)


@pytest.mark.parametrize("n_particles", [2, 5, 8, 11, 20])
def test_the_compiled_price_is_the_reference(n_particles: int):
    generator = torch.Generator().manual_seed(0)
    positions = 4 * torch.randn(1, 150, 3, generator=generator)
    moving = (torch.arange(150) % 2)[:, None] * torch.randn(n_particles, 1, 3, generator=generator)
    positions = positions + moving + 0.2 * torch.randn(n_particles, 150, 3, generator=generator)
    positions[:, 1] = positions[:, 0]  # two that always meet
    pairs = torch.cat([draw_neighbours(positions[:3], generator), torch.tensor([[0], [1]])], 1)
    leaf, other = (positions.clone().requires_grad_() for _ in range(2))
    found, expected = stretch_price(leaf, pairs), stretch_price_reference(other[:PARTICLES_COMPARED], pairs)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
    (3 * found).backward()
    (3 * expected).backward()
    assert leaf.grad is not None
    assert other.grad is not None
    assert torch.isfinite(leaf.grad).all()
    torch.testing.assert_close(leaf.grad, other.grad, rtol=1e-4, atol=1e-5 * float(other.grad.abs().max()))
