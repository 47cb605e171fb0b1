"""The axes are those along which states differ, also where states lie inside each other."""

import numpy as np

from gem_plugin.landscape.state_axes import axes_between_states


def test_the_axis_between_two_states_is_found_among_larger_motions() -> None:
    generator = np.random.default_rng(0)
    states = generator.integers(0, 2, 3000)
    points = generator.normal(size=(3000, 4)) * [0.2, 3, 1, 0.5]
    points[:, 0] += 2 * states
    axes = axes_between_states(points, np.full(4, 0.2), states, generator)
    assert axes.shape == (4, 1)
    assert abs(axes[0, 0]) > 0.99


def test_a_state_inside_another_has_axes() -> None:
    generator = np.random.default_rng(1)
    points = generator.normal(size=(4000, 3))
    states = (np.linalg.norm(points[:, :2], axis=1) > 1.2).astype(np.int64)
    axes = axes_between_states(points, np.full(3, 0.1), states, generator)
    assert axes.shape == (3, 2)
    np.testing.assert_allclose(axes.T @ axes, np.eye(2), atol=1e-12)
    assert (np.abs(axes[2]) < 0.2).all()


def test_one_state_has_none() -> None:
    generator = np.random.default_rng(2)
    assert axes_between_states(np.ones((50, 2)), np.ones(2), np.zeros(50, np.int64), generator).shape == (
        2,
        0,
    )
