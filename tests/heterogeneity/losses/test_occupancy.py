"""The price of changing amplitudes: none for what stays, the same for what changes, however much."""

import pytest
import torch

from gem_plugin.heterogeneity.losses.occupancy import (
    FREE_VARIANCE,
    occupancy_price,
)


def changing(depth: float, n_changing: int) -> torch.Tensor:  # (10, 100)
    amplitudes = torch.ones(10, 100)
    amplitudes[:5, :n_changing] = 1 - depth
    return amplitudes


def test_what_does_not_change_costs_nothing_at_any_level():
    assert float(occupancy_price(torch.rand(1, 7).expand(12, 7) + 0.1)) == pytest.approx(0, abs=1e-5)
    assert float(occupancy_price(torch.rand(1, 7))) == 0, "one particle shows no change"


def test_the_price_is_the_formula():
    amplitudes = torch.tensor([[1.0, 3.0], [1.0, 1.0]])
    assert float(occupancy_price(amplitudes)) == pytest.approx(0.25 / (0.25 + FREE_VARIANCE), rel=1e-5)


def test_a_part_that_vanishes_costs_hardly_more_than_one_that_is_half_gone():
    assert occupancy_price(changing(0.99, 10)) < 1.2 * occupancy_price(changing(0.5, 10))


def test_a_few_gaussians_that_vanish_are_cheaper_than_many_that_fade():
    assert occupancy_price(changing(0.99, 10)) < 0.4 * occupancy_price(changing(0.3, 100))


def test_its_gradient_pulls_amplitudes_to_their_mean():
    amplitudes = torch.tensor([[1.5], [0.5]], requires_grad=True)
    occupancy_price(amplitudes).backward()
    assert amplitudes.grad[0] > 0 > amplitudes.grad[1]
