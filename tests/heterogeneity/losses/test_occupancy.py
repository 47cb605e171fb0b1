"""The cost of changing amplitudes: none for what stays, sparse for what changes, finite for what vanishes."""

import math

import pytest
import torch

from gem_plugin.heterogeneity.losses.occupancy import FREE_VARIANCE, occupancy_cost


def test_what_does_not_change_costs_nothing_at_any_level():
    assert float(occupancy_cost(torch.rand(1, 7).expand(12, 7))) == pytest.approx(0, abs=1e-5)
    assert float(occupancy_cost(torch.rand(1, 7))) == 0, "one particle shows no change"


def test_the_cost_is_the_formula():
    logarithms = torch.tensor([[0.0, 0.3], [0.0, -0.3]])
    expected = 0.5 * math.log(1 + 0.09 / FREE_VARIANCE)
    assert float(occupancy_cost(logarithms.exp())) == pytest.approx(expected, rel=1e-5)


def test_one_gaussian_that_vanishes_is_cheaper_than_many_that_fade_a_little():
    one = torch.ones(10, 100)
    one[:5, 0] = 0.01
    many = torch.ones(10, 100)
    many[:5] = 0.8
    assert occupancy_cost(one) < 0.3 * occupancy_cost(many)


def test_its_gradient_pulls_amplitudes_to_their_mean():
    logarithms = torch.tensor([[0.5], [-0.5]], requires_grad=True)
    occupancy_cost(logarithms.exp()).backward()
    assert logarithms.grad[0] > 0 > logarithms.grad[1]
