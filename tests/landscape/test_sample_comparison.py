"""Two simulated samples: the same fractions are not called different, 20 and 30 % are, whatever odd set they come in."""

import numpy as np
import pytest
from simulated_posteriors import two_samples

from gem_plugin.errors import InputError
from gem_plugin.landscape.populations import Posteriors
from gem_plugin.landscape.sample_comparison import SampleComparison, compare_samples


def compared(*fractions: float, seed: int = 0, **others: float) -> SampleComparison:
    return compare_samples(*two_samples(fractions, seed, **others), np.random.default_rng(seed))


def test_samples_of_the_same_fractions_do_not_differ() -> None:
    found = [compared(0.8, 0.8, seed=seed) for seed in range(12)]
    n_false = sum((one.corrected_p_values < 0.05).any() for one in found)
    assert n_false <= 3, "expected 0.6; 4 has a chance of 0.2 %"
    assert np.mean([one.corrected_p_values.min() for one in found]) > 0.25


def test_twenty_and_thirty_per_cent_differ_and_the_difference_is_right() -> None:
    found = compared(0.8, 0.7)
    assert (found.corrected_p_values < 0.01).all()
    assert found.differences[0] == pytest.approx([-0.1, 0.1], abs=0.04)
    assert (found.difference_lower < found.differences).all()
    assert found.difference_upper[0, 0] < 0 < found.difference_lower[0, 1]
    np.testing.assert_allclose(found.fractions.sum(axis=1), 1)
    assert list(found.n_particles) == [2000, 2000]
    assert list(found.n_groups) == [20, 20]
    assert found.counted[0, 0] < 0.77, "counting is biased towards equal fractions"


def test_three_samples_are_compared_in_pairs_and_corrected_for_their_number() -> None:
    found = compared(0.8, 0.8, 0.6)
    assert found.pairs.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert found.corrected_p_values[0].min() > 0.05
    assert found.corrected_p_values[1:].max() < 0.01
    assert (found.corrected_p_values >= np.minimum(1, 3 * found.p_values) - 1e-12).all()


def test_classes_within_the_same_micrographs_are_compared_within_them() -> None:
    """Micrographs differ much in their fractions; both samples are a random half of each."""
    generator = np.random.default_rng(5)
    micrographs = np.arange(4000) // 100
    labels = 1 + (generator.random(4000) < generator.random(40)[micrographs]).astype(np.int64)
    samples = generator.integers(1, 3, 4000)
    found = compare_samples(None, labels, samples, micrographs, generator)
    assert found.corrected_p_values.min() > 0.05
    more = np.where((samples == 2) & (generator.random(4000) < 0.2), 2, labels)
    found = compare_samples(None, more, samples, micrographs, generator)
    assert found.corrected_p_values.max() < 0.01
    assert list(found.n_groups) == [40, 40]


def test_rows_in_no_sample_or_no_state_do_not_count() -> None:
    posteriors, labels, samples, micrographs = two_samples((0.8, 0.6), 1)
    samples[:500], labels[2000:2300] = 0, 0
    found = compare_samples(posteriors, labels, samples, micrographs, np.random.default_rng(0))
    kept = (labels > 0) & (samples > 0)
    assert list(found.n_particles) == [1500, 1700]
    alone = compare_samples(
        Posteriors(posteriors.means[kept], posteriors.standard_deviations[kept]),
        labels[kept],
        samples[kept],
        micrographs[kept],
        np.random.default_rng(0),
    )
    np.testing.assert_array_equal(alone.fractions, found.fractions)
    np.testing.assert_array_equal(alone.p_values, found.p_values)


def test_a_state_that_only_one_sample_has_is_found() -> None:
    found = compared(1.0, 0.7, noise=0.05)
    assert found.fractions[0, 1] < 0.01 < 0.25 < found.fractions[1, 1]
    assert found.corrected_p_values[0, 1] < 0.01


def test_one_micrograph_that_decides_a_small_sample_is_visible() -> None:
    labels = np.ones(1200, np.int64)
    labels[1000:1080] = 2  # all of the first micrograph of the small sample
    samples = np.repeat([1, 2], [1000, 200])
    micrographs = np.r_[np.arange(1000) // 50, 100 + np.repeat(np.arange(13), [80] + 12 * [10])]
    found = compare_samples(None, labels, samples, micrographs, np.random.default_rng(0))
    assert found.largest_influences[1] > 0.5
    assert found.largest_influences[0] == 0


def test_large_sets_are_fitted_in_quarters_with_all_samples_in_each(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = compared(0.8, 0.6, n_particles=8000)
    monkeypatch.setattr("gem_plugin.landscape.sample_comparison.LARGEST_TOGETHER", 1000)
    parts = compared(0.8, 0.6, n_particles=8000)
    np.testing.assert_allclose(parts.fractions, whole.fractions, atol=0.02)
    assert (parts.corrected_p_values < 0.01).all()


def test_a_sample_without_particles_in_states_is_refused() -> None:
    posteriors, labels, samples, micrographs = two_samples((0.8, 0.6), 1)
    labels[samples == 2] = 0
    with pytest.raises(InputError, match="1 of 2 samples have particles in states; expected at least two"):
        compare_samples(posteriors, labels, samples, micrographs, np.random.default_rng(0))
    with pytest.raises(InputError, match="expected equal numbers"):
        compare_samples(posteriors, labels, samples[:-1], micrographs, np.random.default_rng(0))
