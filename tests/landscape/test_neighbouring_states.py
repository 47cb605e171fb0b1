"""Neighbours of the same state: right where it can be said by hand, chance where states are random, and found where they are not."""

import numpy as np
import pytest

from gem_plugin.landscape.neighbouring_states import NeighbouringStates, neighbouring_states

SIDE_IN_ANGSTROMS = 3000.0


def found(
    positions: np.ndarray, tomograms: np.ndarray, states: np.ndarray, n_states: int, k: int = 6, seed: int = 0
) -> NeighbouringStates:
    numbers = neighbouring_states(positions, tomograms, states, n_states, np.random.default_rng(seed), k)
    assert numbers is not None
    return numbers


def scattered(n_tomograms: int, n_in_each: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    positions = np.random.default_rng(seed).uniform(0, SIDE_IN_ANGSTROMS, (n_tomograms * n_in_each, 3))
    return positions, np.repeat(np.arange(n_tomograms), n_in_each)


def test_neighbours_and_distances_of_a_row_of_particles() -> None:
    """Particles 100 A apart in a row: 1 1 1 2 2 2."""
    positions = 100.0 * np.arange(6)[:, None] * np.array([1.0, 0, 0])
    states = np.array([1, 1, 1, 2, 2, 2])
    numbers = found(positions, np.zeros(6), states, 2, k=1)
    assert numbers.n_particles.tolist() == [3, 3]
    assert numbers.distances_in_angstroms.tolist() == [[100.0, 200.0], [200.0, 100.0]]
    two = found(positions, np.zeros(6), states, 2, k=2)
    np.testing.assert_allclose(two.fractions, [(1 + 1 + 0.5) / 3] * 2)


def test_chance_is_that_of_drawing_other_particles_of_the_tomogram() -> None:
    positions, tomograms = scattered(4, 60, 1)
    states = np.where(np.arange(240) < 30, 1, np.random.default_rng(2).integers(1, 4, 240))
    numbers = found(positions, tomograms, states, 3)
    for state in (1, 2, 3):
        in_each = np.array([(states[tomograms == one] == state).sum() for one in range(4)])
        expected = (in_each * (in_each - 1) / 59).sum() / in_each.sum()
        assert numbers.chance[state - 1] == pytest.approx(
            expected, abs=5 * numbers.chance_errors[state - 1] / 22
        )


def test_random_states_are_no_more_than_chance_in_most_sets() -> None:
    """p-values below 0.1 for any of three states in a tenth of the sets."""
    n_small = 0
    for seed in range(40):
        positions, tomograms = scattered(3, 50, seed)
        states = np.random.default_rng(100 + seed).integers(1, 4, 150)
        n_small += int(found(positions, tomograms, states, 3, seed=seed).p_values.min() < 0.1)
    assert n_small <= 10


def test_states_that_lie_in_halves_are_found_and_those_that_differ_between_tomograms_are_not() -> None:
    positions, tomograms = scattered(12, 80, 3)
    halves = np.where(positions[:, 0] < SIDE_IN_ANGSTROMS / 2, 1, 2)
    numbers = found(positions, tomograms, halves, 2)
    assert (numbers.fractions > 0.75).all()
    assert np.abs(numbers.chance - 0.5).max() < 0.03
    assert (numbers.p_values <= 0.002).all()
    assert (numbers.errors < 0.03).all()
    within, across = numbers.distances_in_angstroms[0]
    assert within < numbers.chance_distances_in_angstroms[0, 0]
    assert across > numbers.chance_distances_in_angstroms[0, 1]
    by_tomogram = found(positions, tomograms, 1 + tomograms % 2, 2)
    np.testing.assert_allclose([by_tomogram.fractions, by_tomogram.chance], 1)
    assert by_tomogram.p_values.tolist() == [1.0, 1.0]


def test_particles_that_avoid_their_own_state_are_found_too() -> None:
    grid = np.stack(np.meshgrid(*[np.arange(8)] * 2, [0.0], indexing="ij"), axis=-1).reshape(-1, 3)
    states = 1 + (grid.sum(axis=1) % 2).astype(np.int64)  # a chessboard
    numbers = found(100 * grid, np.zeros(64), states, 2, k=2)
    assert (numbers.fractions < 0.05).all()
    assert (numbers.p_values < 0.01).all()


def test_what_does_not_count_changes_nothing() -> None:
    positions, tomograms = scattered(3, 40, 5)
    states = np.random.default_rng(6).integers(1, 3, 120)
    before = found(positions, tomograms, states, 2)
    unknown = np.full((2, 3), np.nan)
    alone = positions[:1]
    more = found(
        np.concatenate([positions, positions[:5], unknown, alone]),
        np.concatenate([tomograms, tomograms[:5], [0, 1], [9]]),
        np.concatenate([states, np.zeros(5, np.int64), [1, 2], [1]]),
        2,
    )
    for name in ("n_particles", "fractions", "distances_in_angstroms"):
        np.testing.assert_array_equal(getattr(more, name), getattr(before, name))
    assert more.n_tomograms == 3


def test_two_tomograms_have_no_error_and_none_no_numbers() -> None:
    positions, tomograms = scattered(2, 30, 7)
    states = np.random.default_rng(8).integers(1, 3, 60)
    numbers = found(positions, tomograms, states, 3)
    assert np.isnan(numbers.errors).all()
    assert np.isnan([numbers.fractions[2], *numbers.distances_in_angstroms[2]]).all()
    assert numbers.p_values[2] == 1
    alone = neighbouring_states(positions[:3], np.arange(3), states[:3], 3, np.random.default_rng(0))
    assert alone is None


def test_several_particles_at_one_position_are_neighbours_of_each_other() -> None:
    positions, states = np.zeros((5, 3)), np.array([1, 1, 1, 2, 2])
    numbers = found(positions, np.zeros(5), states, 2, k=4)
    np.testing.assert_allclose(numbers.fractions, [0.5, 0.25])
    assert numbers.distances_in_angstroms[0, 0] == 0


def test_views_of_one_particle_are_no_neighbours_of_each_other():
    """Subunits of one particle that are alike say nothing about where particles are; particles that lie together still do."""
    generator = np.random.default_rng(3)
    positions = generator.uniform(0, 1000, (200, 3))
    tomograms = np.repeat(["a", "b"], 100)
    of_particles = generator.integers(1, 3, 200)  # all views alike
    particles = np.repeat(np.arange(200), 3)
    spread = positions[particles], tomograms[particles]
    by_chance = neighbouring_states(
        *spread, of_particles[particles], 2, np.random.default_rng(0), particle_indices=particles
    )
    as_particles = neighbouring_states(positions, tomograms, of_particles, 2, np.random.default_rng(0))
    assert by_chance is not None
    assert as_particles is not None
    for name in ("fractions", "distances_in_angstroms", "chance", "chance_errors", "p_values"):
        np.testing.assert_allclose(getattr(by_chance, name), getattr(as_particles, name), rtol=0.3)
    np.testing.assert_allclose(by_chance.fractions, as_particles.fractions)
    np.testing.assert_allclose(by_chance.distances_in_angstroms, as_particles.distances_in_angstroms)
    assert by_chance.n_particles.tolist() == (3 * as_particles.n_particles).tolist()
    assert by_chance.p_values.min() > 0.05
    without = neighbouring_states(*spread, of_particles[particles], 2, np.random.default_rng(0))
    assert without is not None
    assert without.p_values.max() < 0.05  # what would be found if views counted as neighbours

    together = (positions[:, 0] > 500).astype(np.int64) + 1
    found = neighbouring_states(
        *spread, together[particles], 2, np.random.default_rng(0), particle_indices=particles
    )
    assert found is not None
    assert found.p_values.max() < 0.05


def test_particles_may_have_different_numbers_of_views():
    generator = np.random.default_rng(4)
    particles = np.sort(generator.integers(0, 60, 150))
    positions = generator.uniform(0, 500, (60, 3))[particles]
    states = generator.integers(0, 4, 150)  # some views without a state
    found = neighbouring_states(
        positions, np.full(150, "one"), states, 3, np.random.default_rng(0), particle_indices=particles
    )
    assert found is not None
    assert found.n_particles.tolist() == np.bincount(states, minlength=4)[1:].tolist()
    assert np.isfinite(found.fractions).all()
    assert (found.fractions <= 1).all()
