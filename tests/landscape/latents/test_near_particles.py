"""Between two groups of particles there are none, inside them there are, and the distance follows the particles."""

import numpy as np
import pytest

from gem_plugin.landscape.latents.near_particles import N_OTHERS, NearParticles

GENERATOR = np.random.default_rng(1)
TWO_GROUPS = np.concatenate([GENERATOR.normal(-4, 0.3, (400, 3)), GENERATOR.normal(4, 0.3, (400, 3))])


def test_a_straight_path_between_two_groups_has_nobody_in_the_middle() -> None:
    path = np.linspace(-4, 4, 9)[:, None] * np.ones(3)
    near = NearParticles(TWO_GROUPS).at(path)
    assert near[0] >= N_OTHERS
    assert near[-1] >= N_OTHERS
    assert near[2:7].tolist() == [0] * 5


def test_nine_in_ten_particles_have_ten_others() -> None:
    near = NearParticles(TWO_GROUPS).at(TWO_GROUPS) - 1  # less itself
    assert (near >= N_OTHERS).mean() == pytest.approx(0.9, abs=0.01)


def test_the_unit_of_the_latents_does_not_matter() -> None:
    points = TWO_GROUPS[::40]
    counts = NearParticles(TWO_GROUPS).at(points)
    np.testing.assert_array_equal(NearParticles(1000 * TWO_GROUPS).at(1000 * points), counts)


def test_a_position_counts_with_the_particles_that_it_stands_for() -> None:
    positions = np.arange(30.0)[:, None]
    counts = np.arange(30)
    near = NearParticles(positions, counts)
    assert 8 <= near.radius <= 10
    inside = np.abs(positions[:, 0] - 15) <= near.radius
    assert near.at(np.array([[15.0]])).tolist() == [counts[inside].sum()]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_handful_of_particles_is_no_reason_to_stop(n: int) -> None:
    near = NearParticles(np.arange(n, dtype=float)[:, None])
    assert near.at(np.array([[0.0], [100.0]])).tolist()[1] == 0
    assert near.at(np.array([[0.0]]))[0] >= 1
