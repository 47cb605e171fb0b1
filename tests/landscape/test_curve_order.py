"""Open curves are in order from end to end, closed ones around, and a disc is not a ring."""

import numpy as np
import pytest

from gem_plugin.landscape.curve_order import order_along_curve


def ordered(points: np.ndarray):
    return order_along_curve(points, 0.0, np.random.default_rng(0))


def test_an_open_curve_is_in_order_however_it_is_bent_and_occupied() -> None:
    generator = np.random.default_rng(1)
    along = generator.beta(0.7, 2, size=700)
    points = np.stack([np.cos(4 * along), np.sin(4 * along), along], axis=1)
    order = ordered(points + 0.03 * generator.normal(size=points.shape))
    assert not order.is_closed
    assert abs(np.corrcoef(np.argsort(np.argsort(along[order.rows])), order.position)[0, 1]) > 0.99


def test_a_ring_is_closed_and_its_points_are_in_order_of_the_angle() -> None:
    generator = np.random.default_rng(2)
    angle = generator.random(700)
    points = np.stack([np.cos(2 * np.pi * angle), 2 * np.sin(2 * np.pi * angle)], axis=1)
    order = ordered(points + 0.08 * generator.normal(size=points.shape))
    assert order.is_closed
    for sign in (1, -1):
        away = (sign * order.position - angle[order.rows]) * 2 * np.pi
        if np.hypot(np.cos(away).mean(), np.sin(away).mean()) > 0.95:
            return
    pytest.fail("neither order around the ring fits")


@pytest.mark.parametrize("kind", ["disc", "cloud"])
def test_a_disc_is_no_ring(kind: str) -> None:
    generator = np.random.default_rng(3)
    points = generator.normal(size=(1600, 2))
    if kind == "disc":
        points = 2 * generator.random((1600, 2)) - 1
        points = points[np.hypot(*points.T) < 1]
    assert not ordered(points).is_closed


def test_points_that_occur_many_times_are_in_order_too() -> None:
    order = ordered(np.repeat(np.arange(4.0), 60)[:, None] * np.ones(2))
    assert not order.is_closed
    assert np.isfinite(order.position).all()
