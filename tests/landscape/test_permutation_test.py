"""Permutation of micrographs between samples: exact on cases that can be counted, and right on average."""

from itertools import combinations

import numpy as np
import pytest

from gem_plugin.landscape.permutation_test import N_PERMUTATIONS, PermutationTest, Units, permuted_p_values


def p_values_of(
    values: np.ndarray, samples: list[int], groups: list[int] | None = None, seed: int = 0
) -> PermutationTest:
    """Of units with one particle each and one value."""
    of_groups = np.arange(len(samples)) if groups is None else np.array(groups)
    units = Units(of_groups, np.array(samples))
    sums = np.asarray(values, dtype=np.float64).reshape(len(samples), -1)
    return permuted_p_values(sums, np.ones(len(samples)), units, (0, 1), np.random.default_rng(seed))


def test_all_permutations_of_a_small_set_give_its_p_value() -> None:
    values, samples = np.array([0.1, 0.3, 0.2, 0.9, 0.4, 0.8, 0.7]), [0, 0, 0, 1, 1, 1, 1]

    def welch(second: tuple[int, ...]) -> float:
        two = values[list(second)]
        one = np.delete(values, list(second))
        return abs(two.mean() - one.mean()) / np.sqrt(two.var(ddof=1) / len(two) + one.var(ddof=1) / len(one))

    every = [welch(second) for second in combinations(range(7), 4)]
    expected = np.mean(np.array(every) >= welch((3, 4, 5, 6)) - 1e-9)
    found = p_values_of(values, samples)
    assert found.p_values[0] == pytest.approx(expected, abs=0.01)
    assert found.smallest == pytest.approx(1 / 35)


def test_micrographs_of_both_samples_are_compared_within_themselves() -> None:
    generator = np.random.default_rng(1)
    of_micrograph = 100 * generator.normal(size=20)
    values = np.concatenate([of_micrograph, of_micrograph + 1 + 0.1 * generator.normal(size=20)])
    samples, groups = [0] * 20 + [1] * 20, [*range(20), *range(20)]
    assert p_values_of(values, samples).p_values[0] > 0.5  # as if no micrograph held both
    # Only the two assignments of the same signs everywhere reach the difference of the samples, of 2^20.
    assert p_values_of(values, samples, groups).p_values[0] == pytest.approx(
        1 / (1 + N_PERMUTATIONS), rel=1.1
    )


def test_p_values_are_uniform_where_samples_are_the_same_and_unequal_in_size() -> None:
    generator = np.random.default_rng(2)
    p_values = [
        p_values_of(generator.normal(size=(40, 3)), [0] * 10 + [1] * 30, seed=seed) for seed in range(60)
    ]
    alone = np.array([one.p_values[0] for one in p_values])
    assert 0.35 < alone.mean() < 0.65
    assert np.mean([(one.corrected_p_values < 0.2).any() for one in p_values]) < 0.4  # 0.2; chance of 0.01 %
    assert all((one.corrected_p_values >= one.p_values).all() for one in p_values)


def test_a_state_that_differs_is_found_beside_ones_that_do_not() -> None:
    values = np.random.default_rng(3).normal(size=(60, 4))
    values[30:, 2] += 1.5
    found = p_values_of(values, [0] * 30 + [1] * 30)
    assert found.corrected_p_values[2] < 0.005
    assert (np.delete(found.corrected_p_values, 2) > 0.05).all()


def test_what_is_the_same_in_all_units_has_a_p_value_of_one() -> None:
    found = p_values_of(np.stack([np.full(12, 0.3), np.arange(12.0)], axis=1), [0, 1] * 6)
    assert found.p_values[0] == found.corrected_p_values[0] == 1
    assert np.isfinite(found.p_values).all()


def test_three_units_of_each_sample_cannot_show_a_difference() -> None:
    found = p_values_of(np.array([0, 0.1, 0.2, 5, 5.1, 5.2]), [0, 0, 0, 1, 1, 1])
    assert found.smallest == pytest.approx(0.1)
    assert found.p_values[0] == pytest.approx(0.1, abs=0.02)
