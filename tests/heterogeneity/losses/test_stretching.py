"""The price of distances that change: none for bodies that move, one for what bends, however much."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from gem_plugin.heterogeneity.losses.stretching import (
    FREE_VARIANCE,
    NEAREST,
    draw_neighbours,
    stretch_price,
)


def body(n: int = 60, seed: int = 0) -> torch.Tensor:  # (n, 3) pixels
    return 4 * torch.randn(n, 3, generator=torch.Generator().manual_seed(seed))


def turned(points: torch.Tensor, degrees: float) -> torch.Tensor:
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return points @ torch.tensor([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])


def all_pairs(n: int) -> torch.Tensor:  # (2, m)
    return torch.combinations(torch.arange(n)).T


@settings(deadline=None)  # the first call compiles
@given(angles=some.lists(some.floats(-180, 180), min_size=2, max_size=6))
def test_a_body_that_turns_and_shifts_costs_nothing(angles: list[float]):
    positions = torch.stack([turned(body(), angle) + angle / 20 for angle in angles])
    assert float(stretch_price(positions, all_pairs(60))) == pytest.approx(0, abs=1e-3)


def test_the_price_is_the_formula():
    positions = torch.zeros(2, 2, 3)
    positions[0, 1, 0], positions[1, 1, 0] = 3.0, 5.0
    expected = 2 * 1 / (1 + FREE_VARIANCE)
    assert float(stretch_price(positions, torch.tensor([[0], [1]]))) == pytest.approx(expected, rel=1e-5)


def test_gaussians_that_change_places_pay_although_density_stays():
    rests, swaps = body().expand(2, -1, -1).clone(), body().expand(2, -1, -1).clone()
    swaps[1] = swaps[1].roll(1, dims=0)
    pairs = draw_neighbours(rests[:1], torch.Generator().manual_seed(0))
    assert stretch_price(rests, pairs) < 1e-3
    assert stretch_price(swaps, pairs) > 0.7 * 60


def test_a_wide_hinge_costs_no_more_than_a_narrow_one():
    """What counts is how many Gaussians lie at the hinge, not how far the parts turn."""

    def price(degrees: float) -> float:
        points = body(200)
        moving = points[:, 0] > 0
        other = torch.where(moving[:, None], turned(points, degrees), points)
        pairs = draw_neighbours(points[None], torch.Generator().manual_seed(0))
        return float(stretch_price(torch.stack([points, other]), pairs))

    assert price(40) < price(120) < 2 * price(40) < 200


def test_one_particle_or_no_pair_shows_no_change():
    assert float(stretch_price(body()[None], all_pairs(60))) == 0
    assert (
        float(stretch_price(body(1).expand(4, -1, -1), draw_neighbours(body(1)[None], torch.Generator())))
        == 0
    )


def test_gaussians_that_meet_have_a_finite_gradient():
    positions = torch.zeros(3, 2, 3, requires_grad=True)
    stretch_price(positions, torch.tensor([[0], [1]])).backward()
    assert positions.grad is not None
    assert bool(torch.isfinite(positions.grad).all())


def test_neighbours_are_near_in_the_conformation_that_they_are_drawn_from():
    first = body(300)
    second = first.roll(7, dims=0)  # others are near
    pairs = draw_neighbours(torch.stack([first, second]), torch.Generator().manual_seed(3))
    assert pairs.shape == (2, 600)
    for points, some_pairs in ((first, pairs[:, :300]), (second, pairs[:, 300:])):
        assert some_pairs[0].tolist() == list(range(300))
        distances = torch.cdist(points, points)
        rank = (distances[some_pairs[0]] < distances[some_pairs[0], some_pairs[1]][:, None]).sum(1)
        assert int(rank.min()) >= 1
        assert int(rank.max()) <= NEAREST
    again = draw_neighbours(torch.stack([first, second]), torch.Generator().manual_seed(3))
    assert bool((pairs == again).all())
