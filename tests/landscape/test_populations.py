"""Populations of simulated posteriors: without the bias of counting, with intervals that contain the truth, for all odd sets."""

import numpy as np
import pytest
from simulated_posteriors import simulated

from gem_plugin.errors import InputError
from gem_plugin.landscape.populations import Populations, Posteriors, estimate_populations, model_of_states


def estimated(fraction: float, noise: float, seed: int) -> Populations:
    return estimate_populations(*simulated(fraction, noise, seed), np.random.default_rng(seed))


def test_intervals_contain_the_truth_where_counting_is_biased() -> None:
    found = [estimated(0.95, 0.5, seed) for seed in range(20)]
    covered = np.mean([one.lower[0] <= 0.95 <= one.upper[0] for one in found])
    assert covered >= 0.7, "of a 90 % interval; below 0.7 has a chance of 0.2 % in 20 repeats"
    assert abs(np.mean([one.fractions[0] for one in found]) - 0.95) < 0.005
    assert np.mean([one.counted[0] for one in found]) < 0.90
    assert np.mean([one.upper[0] - one.lower[0] for one in found]) < 0.06


def test_without_overlap_the_fractions_are_those_counted() -> None:
    found = estimated(0.8, 0.01, 0)
    np.testing.assert_allclose(found.fractions, found.counted, atol=0.002)
    expected = 1.645 * np.sqrt(0.8 * 0.2 / 4000)
    assert 0.7 < (found.upper[0] - found.lower[0]) / 2 / expected < 1.4
    assert found.energies_in_kt[0] == 0
    assert found.energies_in_kt[1] == pytest.approx(np.log(found.fractions[0] / found.fractions[1]))
    assert found.energy_errors_in_kt[1] == pytest.approx(1 / np.sqrt(4000 * 0.8 * 0.2), rel=0.4)
    assert list(found.n_groups) == [40, 40]


def test_micrographs_that_differ_widen_the_intervals() -> None:
    generator = np.random.default_rng(3)
    groups = np.arange(4000) // 100
    labels = 1 + (generator.random(4000) > generator.choice([0.2, 0.8], 40)[groups]).astype(np.int64)
    by_micrograph = estimate_populations(None, labels, groups, generator)
    by_particle = estimate_populations(None, labels, np.arange(4000), generator)
    np.testing.assert_allclose(by_micrograph.fractions, by_particle.fractions, atol=1e-4)
    ratio = (by_micrograph.upper - by_micrograph.lower) / (by_particle.upper - by_particle.lower)
    assert (ratio > 3).all()


def test_one_micrograph_that_decides_is_seen() -> None:
    labels = np.r_[np.ones(2000, np.int64), np.full(200, 2)]
    groups = np.r_[np.arange(2000) % 20, np.full(200, 5)]
    assert estimate_populations(None, labels, groups, np.random.default_rng(0)).largest_influence > 0.5
    mixed = np.random.default_rng(0).permutation(labels)
    assert estimate_populations(None, mixed, groups, np.random.default_rng(0)).largest_influence < 0.5


def test_particles_without_a_state_do_not_count() -> None:
    posteriors, labels, groups = simulated(0.7, 0.3, 4)
    labels[::3] = 0
    posteriors.means[::3] = 50  # outliers, far away
    found = estimate_populations(posteriors, labels, groups, np.random.default_rng(0))
    assert abs(found.fractions[0] - 0.7) < 0.04


def test_views_of_a_particle_count_once() -> None:
    labels = np.array([1] * 30 + [2] * 10)
    weights = np.r_[np.full(30, 1 / 3), np.ones(10)]
    found = estimate_populations(None, labels, np.arange(40), np.random.default_rng(0), weights)
    np.testing.assert_allclose(found.counted, [0.5, 0.5])
    np.testing.assert_allclose(found.fractions, [0.5, 0.5], atol=1e-4)


def test_latents_that_say_nothing_leave_the_fractions_open() -> None:
    posteriors = Posteriors(np.zeros((500, 2)), np.full((500, 2), 1.01))
    labels = 1 + np.arange(500) % 2
    found = estimate_populations(posteriors, labels, np.arange(500), np.random.default_rng(0))
    np.testing.assert_allclose(found.fractions.sum(), 1)
    assert np.isfinite(found.fractions).all()


def test_one_state_has_all() -> None:
    posteriors, labels, groups = simulated(0.5, 0.3, 5)
    found = estimate_populations(posteriors, np.ones_like(labels), groups, np.random.default_rng(0))
    assert list(found.fractions) == list(found.lower) == list(found.upper) == [1]


def test_an_empty_state_between_others_has_no_particles() -> None:
    posteriors, labels, groups = simulated(0.6, 0.2, 6)
    found = estimate_populations(
        posteriors, np.where(labels == 2, 3, labels), groups, np.random.default_rng(0)
    )
    assert found.fractions[1] == 0
    assert found.energies_in_kt[1] == np.inf
    assert np.isnan(found.energy_errors_in_kt[1])
    assert abs(found.fractions[0] - 0.6) < 0.04


def test_large_sets_are_fitted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = estimated(0.8, 0.4, 7)
    monkeypatch.setattr("gem_plugin.landscape.populations.LARGEST_TOGETHER", 2000)
    parts = estimated(0.8, 0.4, 7)
    assert abs(parts.fractions[0] - whole.fractions[0]) < 0.01
    assert 0.6 < (parts.upper - parts.lower)[0] / (whole.upper - whole.lower)[0] < 1.8


def test_other_lengths_and_no_states_are_refused() -> None:
    posteriors, labels, groups = simulated(0.5, 0.3, 8)
    generator = np.random.default_rng(0)
    with pytest.raises(InputError, match="are of 4000, 3999, 4000, 4000 particles; expected equal numbers"):
        estimate_populations(posteriors, labels, groups[1:], generator)
    with pytest.raises(InputError, match="No particle has a state"):
        estimate_populations(posteriors, np.zeros_like(labels), groups, generator)


def test_likelihoods_hold_no_number_whose_products_are_slow() -> None:
    """Products of two below 1e-38 are subnormal in single precision, and a processor may take 100 times as long for them."""
    generator = np.random.default_rng(0)
    states = generator.integers(0, 3, 500)
    means = (4 * states[:, None] + generator.normal(size=(500, 3))).astype(np.float32)  # some far, some not
    information = np.full_like(means, 0.97)
    likelihoods = model_of_states(means, information, states, 3, generator).likelihoods
    positive = likelihoods[likelihoods > 0]
    assert (likelihoods == 0).any()
    assert float(positive.min()) ** 2 > np.finfo(np.float32).tiny
    np.testing.assert_array_equal(likelihoods.max(axis=1), 1)
