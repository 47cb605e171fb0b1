"""Each check finds what was planted, and stays silent where nothing is wrong."""

import numpy as np
import pytest
from moving_particles import map_at
from scipy.spatial.transform import Rotation

from gem_plugin.landscape.checks import latents as of_latents
from gem_plugin.landscape.checks import states as of_states
from gem_plugin.landscape.checks.diagnostic import Diagnostic, not_measured

N = 3000


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_latents_that_follow_the_defocus_are_found_and_others_are_not() -> None:
    random = generator()
    defocus = random.uniform(8000, 20000, N)
    free = random.normal(size=(N, 3))
    bound = free.copy()
    bound[:, 1] += (defocus - 14000) / 3000
    bins = of_latents.equal_bins(defocus)
    assert np.ptp(np.bincount(bins)) <= 1
    bad = of_latents.check_dependence("defocus", bound, bins, generator())
    assert bad.is_bad
    assert bad.verdict == "bad"
    assert "follow the defocus" in bad.sentence
    good = of_latents.check_dependence("defocus", free, bins, generator())
    assert not good.is_bad
    assert abs(good.value) < 0.01


def test_latents_that_follow_the_view_are_found() -> None:
    matrices = Rotation.random(N, 0).as_matrix()
    directions, turns = of_latents.view_bins(matrices)
    assert len(np.unique(directions)) == 12
    assert len(np.unique(turns)) == 8
    latents = matrices[:, 2] + 0.3 * generator().normal(size=(N, 3))
    assert of_latents.check_dependence("viewing direction", latents, directions, generator()).is_bad
    assert not of_latents.check_dependence("turn", latents, turns, generator()).is_bad


def test_turning_the_image_in_its_plane_changes_the_turn_and_not_the_direction() -> None:
    matrices = Rotation.random(50, 1).as_matrix()
    in_plane = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    before, after = of_latents.view_bins(matrices), of_latents.view_bins(in_plane @ matrices)
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[1] != after[1]).all()


def test_mutual_information_is_zero_for_independent_and_entropy_for_equal_labels() -> None:
    first, second = np.repeat([0, 1], 50), np.tile([0, 1], 50)
    assert of_latents.mutual_information(first, second) == pytest.approx(0)
    assert of_latents.mutual_information(first, 5 - first) == pytest.approx(np.log(2))


def test_collapse_and_overfitting_are_told_from_the_history() -> None:
    assert of_latents.check_collapse(0.02).is_bad
    assert of_latents.check_collapse(float("nan")).is_bad
    assert not of_latents.check_collapse(3.0).is_bad
    assert of_latents.check_overfitting(np.array([5, 4, 3, 3.5])).is_bad
    assert "--epochs 3" in of_latents.check_overfitting(np.array([5, 4, 3, 3.5])).advice
    assert not of_latents.check_overfitting(np.array([5, 4, 3.01, 3.0])).is_bad
    assert of_latents.check_overfitting(np.array([np.nan] * 5)).verdict == "not measured"
    falling = {"validation_loss": np.array([5.0, 3.0, 3.5]), "validation_kl": np.array([9.0, 4.0, 3.0])}
    assert not of_latents.check_overfitting(of_latents.evidence_bounds(falling)).is_bad
    assert of_latents.check_agreement(0.9, 0.2).is_bad
    assert not of_latents.check_agreement(0.9, 0.8).is_bad


def test_latents_that_explain_no_more_than_they_cost_are_not_supported() -> None:
    assert of_latents.check_support(-4.0, 0.2).is_bad
    assert of_latents.check_support(0.1, 0.1).is_bad
    assert not of_latents.check_support(8.0, 0.3).is_bad
    assert of_latents.check_support(None, None).verdict == "not measured"
    checks = of_latents.training_checks(
        {"kl": np.array([3.0])}, {"support_in_nats": -1.0, "support_error": 0.2}
    )
    assert [check.is_bad for check in checks] == [False, True, False, False]


def test_missing_half_sets_and_an_image_in_both_are_found() -> None:
    halves = np.tile([1, 2], 50)
    clean = of_latents.check_half_sets(halves, np.arange(100))
    assert not any(one.is_bad for one in clean)
    images = np.arange(100)
    images[1] = images[0]
    assert [one.is_bad for one in of_latents.check_half_sets(halves, images)] == [False, True]
    images[1], images[2] = 1, images[0]  # twice in the same half: no leak
    assert not of_latents.check_half_sets(halves, images)[1].is_bad
    assert of_latents.check_half_sets(np.zeros(100), np.arange(100))[0].is_bad


def test_separate_clusters_are_stable_and_a_cut_through_one_cloud_is_not() -> None:
    random = generator()
    two = np.concatenate([random.normal(size=(40, 2)), random.normal(size=(40, 2)) + 12])
    one = random.normal(size=(80, 2))
    labels = np.repeat([1, 2], 40)

    def distances(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points[:, None] - points[None], axis=2)

    assert not any(
        found.is_bad for found in of_states.check_stability(distances(two), labels, "ward", random)
    )
    cut = np.where(np.argsort(np.argsort(one[:, 0] * one[:, 1])) < 40, 1, 2)
    assert any(found.is_bad for found in of_states.check_stability(distances(one), cut, "ward", random))


def test_copies_of_a_particle_do_not_make_latents_follow_its_defocus() -> None:
    """Each particle's copies share image noise, and so both their latents and their defocus, by chance."""
    particles = np.repeat(np.arange(150), 30)
    latents, defocus = generator().normal(size=(150, 2))[particles], np.arange(150)[particles] % 7
    of_rows = of_latents.check_dependence("defocus", latents, defocus, generator())
    of_particles = of_latents.check_dependence("defocus", latents, defocus, generator(), particles)
    assert of_rows.is_bad
    assert not of_particles.is_bad


def test_maps_of_one_particle_are_left_out_together() -> None:
    """Forty maps of eight particles: a state that is one particle is not found again without it."""
    points = np.repeat(np.arange(8.0) * 10, 5)[:, None] + generator().normal(scale=0.01, size=(40, 1))
    distances = np.abs(points - points.T)
    labels = np.repeat(np.arange(1, 9), 5)
    of_rows = of_states.cluster_jaccards(distances, labels, "ward", generator())
    of_particles = of_states.cluster_jaccards(distances, labels, "ward", generator(), labels)
    assert of_rows.min() > 0.95
    assert of_particles.min() < 0.8


def test_a_small_difference_needs_more_particles_than_a_large_one_and_than_less_noise() -> None:
    first, second = map_at(0.0), map_at(np.pi / 2)
    curve = np.linspace(0.999, 0.2, 16)
    large = of_states.particles_needed(curve, 1000, first, second - first)
    small = of_states.particles_needed(curve, 1000, first, 0.5 * (second - first))
    assert small == pytest.approx(4 * large)
    assert of_states.particles_needed(curve, 2000, first, second - first) == pytest.approx(2 * large)
    assert of_states.check_size("state 1", int(large / 2), large).is_bad
    assert not of_states.check_size("state 1", int(2 * large) + 1, large).is_bad


def test_a_state_like_a_random_subset_is_called_noise() -> None:
    assert of_states.check_against_noise("state 2", 0.02, 1.1, 0.5)[0].is_bad
    assert len(of_states.check_against_noise("state 2", 0.02, 1.1, 0.5)) == 1
    good, agrees = of_states.check_against_noise("state 1", 0.4, 20.0, 0.8)
    assert not good.is_bad
    assert not agrees.is_bad
    assert of_states.check_against_noise("state 1", 0.4, 20.0, 0.1)[1].is_bad


def test_a_mask_that_cuts_the_moving_arm_is_found() -> None:
    still = map_at(0.0)
    maps = {1: still, 2: map_at(np.pi / 2)}
    tight = (still > 0.05 * still.max()).astype(float)
    found = of_states.check_mask("consensus mask", tight, maps)
    assert found.is_bad
    assert "state 2" in found.sentence
    assert not of_states.check_mask("consensus mask", np.ones_like(still), maps).is_bad


def test_what_was_not_measured_is_no_verdict_and_json_gets_no_nan() -> None:
    unknown = not_measured("x", 1.0, "why", "how").as_plain()
    assert (unknown["value"], unknown["verdict"], unknown["is_bad"]) == (None, "not measured", False)
    assert Diagnostic("x", float("nan"), 1.0, True, "s").as_plain()["value"] is None
