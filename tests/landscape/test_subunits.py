"""States of subunits together: counted right, expected right, and independence refused only where it is absent."""

import itertools
import math

import numpy as np
import pytest

from gem_plugin.landscape.subunits import (
    SubunitCounts,
    _correlation,
    count_subunits,
    find_patterns,
    measure_cooperativity,
)


def drawn(
    n_particles: int, n_subunits: int, fractions: list[float], together: float, seed: int
) -> SubunitCounts:
    """States of which a fraction of the particles has one for all subunits."""
    generator = np.random.default_rng(seed)
    states = generator.choice(len(fractions), (n_particles, n_subunits), p=fractions) + 1
    is_common = generator.random(n_particles) < together
    states[is_common] = states[is_common, :1]
    return count_subunits(np.repeat(np.arange(n_particles), n_subunits), states.reshape(-1), len(fractions))


def test_particles_are_counted_in_the_order_of_their_first_views() -> None:
    particles = np.array([2, 0, 2, 0, 2, 1])
    found = count_subunits(particles, np.array([1, 2, 1, 2, 2, 0]), n_states=2)
    assert found.first_rows.tolist() == [0, 1, 5]
    assert found.counts.tolist() == [[2, 1], [0, 2], [0, 0]]
    assert found.n_views.tolist() == [3, 2, 1]
    assert found.n_subunits == 3
    assert found.is_complete.tolist() == [True, False, False]


def test_a_subunit_without_a_state_makes_its_particle_incomplete() -> None:
    found = count_subunits(np.array([0, 0, 1, 1]), np.array([1, 0, 1, 2]), n_states=2)
    assert found.is_complete.tolist() == [False, True]
    assert [pattern.counts for pattern in find_patterns(found) if pattern.observed] == [(1, 1)]


def test_expected_numbers_are_the_mean_over_all_ways_to_deal_the_states_out() -> None:
    states = np.array([1, 1, 1, 2, 2, 3])
    counts = count_subunits(np.repeat(np.arange(3), 2), states, 3)
    sums: dict[tuple, float] = {}
    orders = list(itertools.permutations(states.tolist()))
    for order in orders:
        for first in range(0, 6, 2):
            pattern = tuple(np.bincount(np.array(order[first : first + 2]) - 1, minlength=3).tolist())
            sums[pattern] = sums.get(pattern, 0) + 1 / len(orders)
    for pattern in find_patterns(counts):
        assert pattern.expected == pytest.approx(sums.get(pattern.counts, 0), abs=1e-9)
    assert sum(pattern.expected for pattern in find_patterns(counts)) == pytest.approx(3)


def test_for_many_particles_it_is_the_multinomial() -> None:
    counts = drawn(20_000, 4, [0.7, 0.3], 0.0, seed=1)
    fraction = counts.counts[:, 0].sum() / counts.counts.sum()
    for pattern in find_patterns(counts):
        chance = (
            math.comb(4, pattern.counts[0])
            * fraction ** pattern.counts[0]
            * (1 - fraction) ** pattern.counts[1]
        )
        assert pattern.expected == pytest.approx(20_000 * chance, rel=2e-3)
        assert abs(pattern.z_score) < 4
        assert pattern.observed > 0


def test_correlation_is_one_for_particles_of_one_state_and_negative_for_exclusion() -> None:
    alike = SubunitCounts(np.arange(4), np.array([[3, 0], [0, 3], [3, 0], [0, 3]]), np.full(4, 3), 3)
    apart = SubunitCounts(np.arange(4), np.array([[1, 1]] * 4), np.full(4, 2), 2)
    generator = np.random.default_rng(0)
    assert measure_cooperativity(alike, generator).value == pytest.approx(1)
    found = measure_cooperativity(apart, generator)
    assert found.value < -0.7


def test_planted_cooperativity_is_found_with_its_size() -> None:
    """The correlation of two subunits is the fraction of particles in which all are alike."""
    found = measure_cooperativity(drawn(2000, 3, [0.6, 0.4], 0.2, seed=3), np.random.default_rng(0))
    assert abs(found.value - 0.2) < 4 * found.standard_error
    assert found.p_value == pytest.approx(1 / (1 + found.n_shuffles))


@pytest.mark.parametrize(
    ("n_subunits", "fractions"), [(2, [0.5, 0.5]), (3, [0.9, 0.1]), (7, [0.5, 0.3, 0.2])]
)
def test_p_values_of_independent_subunits_are_even(n_subunits: int, fractions: list[float]) -> None:
    """In 40 sets about 5 % are below 0.05, and errors have their size."""
    found = [
        measure_cooperativity(drawn(150, n_subunits, fractions, 0.0, seed), np.random.default_rng(seed))
        for seed in range(40)
    ]
    p_values = np.array([one.p_value for one in found])
    assert 0.3 < p_values.mean() < 0.7
    assert (p_values < 0.05).mean() < 0.18
    values, errors = np.array([[one.value, one.standard_error] for one in found]).T
    assert 0.7 < values.std() / errors.mean() < 1.4
    assert abs(values.mean()) < 0.6 * errors.mean()


def test_the_standard_error_is_that_of_a_bootstrap_over_particles() -> None:
    counts = drawn(500, 4, [0.6, 0.3, 0.1], 0.3, seed=5)
    found, generator = measure_cooperativity(counts, np.random.default_rng(0)), np.random.default_rng(1)
    values = [_correlation(counts.counts[generator.integers(0, 500, 500)]) for _ in range(400)]
    assert found.standard_error == pytest.approx(np.std(values), rel=0.15)


def test_what_cannot_be_measured_is_none() -> None:
    generator = np.random.default_rng(0)
    one_state = count_subunits(np.repeat(np.arange(5), 2), np.ones(10, dtype=int), 2)
    assert measure_cooperativity(one_state, generator) is None
    single = count_subunits(np.arange(10), 1 + np.arange(10) % 2, 2)
    assert measure_cooperativity(single, generator) is None
    incomplete = count_subunits(np.arange(10), 1 + np.arange(10) % 2, 2, n_subunits=3)
    assert measure_cooperativity(incomplete, generator) is None
    assert find_patterns(incomplete) == []


@pytest.mark.parametrize("n_states", [10, 20])
def test_many_states_list_only_what_occurs(n_states: int) -> None:
    counts = drawn(50, 14, [1 / n_states] * n_states, 0.0, seed=2)
    patterns = find_patterns(counts)
    of_particles = {tuple(row) for row in counts.counts.tolist()}
    assert {pattern.counts for pattern in patterns} == of_particles
    assert all(pattern.observed > 0 for pattern in patterns)
    assert sum(pattern.observed for pattern in patterns) == 50
