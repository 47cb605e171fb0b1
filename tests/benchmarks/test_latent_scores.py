"""Neighbourhoods, information imbalance, states and divergence, against values that are known."""

import dataclasses

import numpy as np
import pytest
from small_truth import latents_of, truth_with_absent_arm, truth_with_moving_arm
from truth.latent_scores import (
    LENGTH_OF_ABSENCE_IN_ANGSTROMS,
    divergence,
    information_imbalance,
    neighbour_ranks,
    neighbourhood_similarity,
    score_latents,
    state_coordinates,
    states_found,
)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_ranks_count_from_the_point_itself(generator: np.random.Generator) -> None:
    ranks = neighbour_ranks(np.array([[0.0], [1.0], [3.0], [7.0]]), generator)
    assert ranks.tolist() == [[0, 1, 2, 3], [1, 0, 2, 3], [2, 1, 0, 3], [3, 2, 1, 0]]


def test_equal_distances_are_ranked_at_random(generator: np.random.Generator) -> None:
    ranks = neighbour_ranks(np.zeros((400, 2)), generator)
    other = neighbour_ranks(np.zeros((400, 2)), generator)
    assert (ranks[np.arange(400), np.arange(400)] == 0).all()
    assert ((ranks == 1) & (other == 1)).sum() < 20
    assert len(np.unique(ranks.argsort(axis=1)[:, 1])) > 200  # the nearest is another one for each point
    assert np.sort(ranks, axis=1).tolist() == [list(range(400))] * 400


def test_the_same_points_have_all_neighbours_in_common(generator: np.random.Generator) -> None:
    points = generator.normal(size=(1000, 3))
    mean, std = neighbourhood_similarity(points, 2 * points + 1, generator)
    assert mean == pytest.approx(1.0)
    assert std == pytest.approx(0.0)


def test_unrelated_points_share_neighbours_by_chance(generator: np.random.Generator) -> None:
    angles = generator.uniform(0, 2 * np.pi, (2, 2000))  # on a circle no point is nearer to all than others
    first, second = np.stack([np.cos(angles), np.sin(angles)], axis=2)
    neighbours = 4 * np.arange(1, 21)  # in subsets of 400
    chance = np.mean((1 + neighbours**2 / 399) / (neighbours + 1))  # the point itself, and what luck gives
    mean, _ = neighbourhood_similarity(first, second, generator)
    assert mean == pytest.approx(chance, abs=0.01)


def test_imbalance_is_small_one_way_where_one_description_holds_the_other(
    generator: np.random.Generator,
) -> None:
    whole = generator.normal(size=(800, 2))
    part = whole[:, :1]
    assert information_imbalance(whole, whole, generator) == pytest.approx(2 / 800)
    assert information_imbalance(whole, part, generator) < 0.1
    assert information_imbalance(part, whole, generator) > 0.3
    unrelated = generator.normal(size=(800, 2))
    assert information_imbalance(unrelated, whole, generator) == pytest.approx(1.0, abs=0.1)


def test_states_are_as_far_apart_as_their_atoms() -> None:
    truth = truth_with_moving_arm(4, 6.0)
    coordinates = state_coordinates(truth)
    length = np.linalg.norm(coordinates[3] - coordinates[0])
    assert length == pytest.approx(18 * np.sqrt(60 / 180), rel=1e-5)  # the arm is a third of the mass
    absent = state_coordinates(truth_with_absent_arm())
    mass = 30 / 150  # of the arm, in the mean of the two states
    assert np.linalg.norm(absent[1] - absent[0]) == pytest.approx(
        LENGTH_OF_ABSENCE_IN_ANGSTROMS * np.sqrt(mass), rel=1e-5
    )


def test_states_are_found_only_where_there_are_a_few(generator: np.random.Generator) -> None:
    which = np.arange(300) % 3
    latents = np.eye(3)[which] * 10 + generator.normal(size=(300, 3))
    found = states_found(which, latents, 3, 0)
    assert found["ari_kmeans"] == pytest.approx(1.0)
    assert found["ari_mixture"] == pytest.approx(1.0)
    by_chance = states_found(generator.permutation(which), latents, 3, 0)
    assert by_chance["ari_kmeans"] == pytest.approx(0.0, abs=0.05)
    assert states_found(which, latents, 100, 0) == {"ari_kmeans": None, "ari_mixture": None}


def test_divergence_of_the_prior_is_zero_and_of_a_sharp_posterior_its_logarithm() -> None:
    latents = np.zeros((50, 2))
    assert divergence(latents, np.ones((50, 2)))["kl_in_all"] == pytest.approx(0.0)
    sharp = divergence(latents, np.stack([np.full(50, 0.1), np.ones(50)], axis=1))
    assert sharp["kl_largest_dimension"] == pytest.approx((0.01 - 1) / 2 + np.log(10))
    assert sharp["kl_in_all"] == pytest.approx(sharp["kl_largest_dimension"])


def test_latents_that_know_the_state_score_well_and_junk_does_not_count() -> None:
    truth = truth_with_moving_arm(8, n_images=800)
    latents = latents_of(truth)
    defocus = np.random.default_rng(1).uniform(9000, 24000, (800, 2))
    good = score_latents(truth, latents, np.full_like(latents, 0.1), defocus, 0)
    assert good["imbalance_latents_to_truth"] < 0.2
    assert good["neighbourhood_similarity"] > 0.5
    assert good["imbalance_latents_to_pose"] == pytest.approx(1.0, abs=0.1)
    assert good["imbalance_latents_to_ctf"] == pytest.approx(1.0, abs=0.1)
    junk = np.arange(800) >= 700
    spoiled = latents.copy()
    spoiled[junk] = 1e3
    truth_with_junk = dataclasses.replace(truth, kinds=junk.astype(np.int64))
    scores = score_latents(truth_with_junk, spoiled, np.full_like(latents, 0.1), defocus, 0)
    assert scores["kl_in_all"] < 100
    assert scores["imbalance_latents_to_truth"] < 0.2


def test_a_static_set_has_no_truth_to_be_near() -> None:
    truth = truth_with_moving_arm(1, n_images=100)
    latents = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    scores = score_latents(truth, latents, np.ones_like(latents), np.ones((100, 2)), 0)
    assert scores["neighbourhood_similarity"] is None
    assert scores["imbalance_latents_to_truth"] is None
    assert scores["kl_in_all"] is not None
