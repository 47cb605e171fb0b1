"""Prices of change: both, either or none, and shared by the particles of the set."""

import dataclasses

import pytest
import torch

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.heterogeneity.losses.occupancy import occupancy_price
from gem_plugin.heterogeneity.losses.prices import PricesOfChange, particles_that_share
from gem_plugin.heterogeneity.losses.stretching import stretch_price
from gem_plugin.heterogeneity.settings import TrainSettings


def changing_cloud() -> GaussianCloud:
    generator = torch.Generator().manual_seed(1)
    positions = 5 * torch.randn(8, 40, 3, generator=generator)
    amplitudes = 0.5 + torch.rand(8, 40, generator=generator)
    return GaussianCloud(positions, amplitudes, torch.ones(40), LengthUnit.PIXEL)


@pytest.mark.parametrize(("occupancy", "stretch"), [(8.0, 8.0), (3.0, 0.0), (0.0, 5.0), (0.0, 0.0)])
def test_the_price_is_the_sum_of_those_that_are_asked(occupancy: float, stretch: float):
    prices = PricesOfChange(
        dataclasses.replace(TrainSettings(), occupancy_cost=occupancy, stretch_cost=stretch)
    )
    cloud = changing_cloud()
    asked = list[torch.Tensor]()

    def positions_at(rows: torch.Tensor) -> torch.Tensor:
        asked.append(rows)
        return cloud.positions[rows - 100]

    prices.find_neighbours(positions_at, torch.arange(100, 108), 0, 5)
    assert bool(asked) == (stretch > 0)
    expected = occupancy * occupancy_price(cloud.amplitudes)
    expected = expected + stretch * stretch_price(cloud.positions, prices.neighbours)
    assert float(prices(cloud)) == pytest.approx(float(expected))


def test_large_sets_pay_as_smaller_ones_until_they_have_learned_to_move():
    assert particles_that_share(10, 0.0) == particles_that_share(1000, 1.0) == pytest.approx(1000)
    assert particles_that_share(3000, 0.0) == pytest.approx(3000)
    assert particles_that_share(1_000_000, 0.0) == pytest.approx(10_000)
    assert particles_that_share(1_000_000, 1.0) == pytest.approx(1_000_000)
