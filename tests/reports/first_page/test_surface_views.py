"""One view for all states: the largest motion lies in the plane of the picture, and no hand is changed."""

import numpy as np
import pytest

from gem_plugin.reports.first_page.surface_views import (
    common_level,
    common_view,
    density_points,
    displacements_between,
)

NONE = np.zeros((0, 3))


def rod(seed: int, axis: np.ndarray) -> np.ndarray:
    """Points along an axis, thin across it."""
    generator = np.random.default_rng(seed)
    return 40 * generator.normal(size=(400, 1)) * axis + 5 * generator.normal(size=(400, 3))


@pytest.mark.parametrize("seed", range(6))
def test_the_largest_displacement_is_in_the_plane(seed: int) -> None:
    generator = np.random.default_rng(seed)
    axis, way = (one / np.linalg.norm(one) for one in generator.normal(size=(2, 3)))
    displacements = np.outer(generator.normal(size=9), 10 * way) + 0.3 * generator.normal(size=(9, 3))
    view = common_view(rod(seed, axis), np.ones(400), displacements, np.array([[5.0, 0, 0]]))
    np.testing.assert_allclose(view @ view.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(view) == pytest.approx(1)
    assert abs(view[2] @ way) < 0.06


def test_without_motion_the_long_axis_is_upright_and_the_flat_one_is_seen_from_the_front() -> None:
    generator = np.random.default_rng(0)
    points = generator.normal(size=(5000, 3)) * [10, 40, 20]
    view = common_view(points, np.ones(5000), NONE, NONE)
    np.testing.assert_allclose(np.abs(view), [[0, 0, 1], [0, 1, 0], [1, 0, 0]], atol=0.1)


def test_what_moves_is_above_and_in_front() -> None:
    points = rod(1, np.array([0.0, 1, 0]))
    moving = np.array([[0.0, -60, 9]])
    view = common_view(points, np.ones(400), np.array([[8.0, 0, 0]]), moving)
    assert (view[1] @ (moving[0] - points.mean(axis=0))) > 0
    assert (view[2] @ (moving[0] - points.mean(axis=0))) > 0


def test_the_same_input_gives_the_same_view_even_of_a_sphere() -> None:
    points = np.concatenate([np.eye(3), -np.eye(3)])
    views = [common_view(points, np.ones(6), NONE, NONE) for _ in range(2)]
    np.testing.assert_array_equal(*views)
    assert np.linalg.det(views[0]) == pytest.approx(1)


def ball(x: float) -> np.ndarray:
    grid = np.mgrid[:32, :32, :32] - 16
    return np.exp(-((grid[2] - x) ** 2 + grid[1] ** 2 + grid[0] ** 2) / 18).astype(np.float32)


def test_maps_say_which_way_the_density_goes() -> None:
    displacements, places = displacements_between([ball(-3), ball(0), ball(3)], 2.0, 0.2)
    assert displacements.shape == places.shape == (3, 3)
    longest = displacements[np.linalg.norm(displacements, axis=1).argmax()]
    np.testing.assert_allclose(longest, [12, 0, 0], atol=0.5)
    assert displacements_between([ball(0)], 2.0, 0.2)[0].shape == (0, 3)


def test_points_are_those_at_the_level() -> None:
    points, weights = density_points(ball(4), 2.0, 0.5)
    np.testing.assert_allclose(weights @ points / weights.sum(), [8, 0, 0], atol=0.1)
    assert weights.min() >= 0.5


def test_the_level_is_lowered_until_the_molecule_holds_together() -> None:
    bridge = (
        0.2 * (np.abs(np.mgrid[:32, :32, :32][0] - 16) < 2) * (np.abs(np.mgrid[:32, :32, :32][1] - 16) < 2)
    )
    apart = (ball(-9) + ball(9)).astype(np.float32)
    whole = np.maximum(apart, bridge * (np.abs(np.mgrid[:32, :32, :32][2] - 16) < 9)).astype(np.float32)
    assert common_level(whole) < common_level(apart)
    assert common_level(ball(0)) == pytest.approx(0.3 * np.percentile(ball(0), 99.9))
