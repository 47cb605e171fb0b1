"""Turning a part about a bond."""

import pytest
import torch

from gem_plugin.errors import InputError
from gem_plugin.gaussians.hinges import axis_rotations, rotate_about_axis
from gem_plugin.gaussians.phantom import antibody_phantom

START = torch.tensor([1.0, 2.0, 3.0])
END = torch.tensor([1.0, 2.0, 5.0])


def test_a_quarter_turn_about_z_takes_x_to_y() -> None:
    point = START + torch.tensor([[1.0, 0.0, 0.0]])
    turned = rotate_about_axis(point, torch.tensor([True]), START, END, torch.tensor([90.0]))
    torch.testing.assert_close(turned[0, 0], START + torch.tensor([0.0, 1.0, 0.0]))


def test_points_on_the_axis_and_points_at_rest_stay() -> None:
    points = torch.stack([START, END, START + 7])
    is_moving = torch.tensor([True, True, False])
    turned = rotate_about_axis(points, is_moving, START, END, torch.tensor([33.0, 201.0]))
    torch.testing.assert_close(turned, points.expand(2, -1, -1))


def test_a_turn_keeps_the_distances_within_the_part() -> None:
    generator = torch.Generator().manual_seed(1)
    points = torch.randn(20, 3, generator=generator)
    turned = rotate_about_axis(
        points, torch.ones(20, dtype=torch.bool), points[0], points[1], torch.tensor([77.0])
    )
    torch.testing.assert_close(
        torch.cdist(turned[0], turned[0]), torch.cdist(points, points), atol=1e-4, rtol=1e-4
    )


def test_a_turn_undone_is_nothing() -> None:
    axis = torch.nn.functional.normalize(torch.tensor([1.0, -2.0, 0.5]), dim=0)
    there, back = axis_rotations(axis, torch.tensor([50.0, -50.0]))
    torch.testing.assert_close(there @ back, torch.eye(3), atol=1e-6, rtol=0)


def test_an_axis_of_one_point_is_refused() -> None:
    with pytest.raises(InputError, match="two different atoms"):
        rotate_about_axis(START[None], torch.tensor([True]), START, START, torch.tensor([1.0]))


def test_the_phantom_is_the_same_for_the_same_seed_and_has_three_parts() -> None:
    first, second = (antibody_phantom(torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first.positions_in_angstroms, second.positions_in_angstroms)
    assert set(first.parts.tolist()) == {0, 1, 2}
    reach = first.positions_in_angstroms.norm(dim=1).max()
    assert 60 < reach < 100
    assert first.is_moving.float().mean() > 0.2


def test_no_two_points_of_a_domain_lie_close_together() -> None:
    positions = antibody_phantom(torch.Generator().manual_seed(0)).positions_in_angstroms
    distances = torch.cdist(positions[:100], positions[:100]) + 1e3 * torch.eye(100)
    assert distances.min() > 4.0
