"""Groups are told from cuts through one cloud."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from gem_plugin.landscape.one_cloud import is_one_cloud, principal_variances
from gem_plugin.landscape.states import (
    assess_numbers_of_states,
    choose_n_states,
)


def is_single(points: np.ndarray) -> bool:
    """The judgement on the best number of states."""
    distances, weights = squareform(pdist(points)), np.ones(len(points))
    n_states = choose_n_states(assess_numbers_of_states(distances, weights, "ward", seed=0))
    return is_one_cloud(distances, n_states, "ward", seed=0)


@pytest.mark.parametrize("seed", range(3))
def test_a_normal_cloud_has_no_groups_whatever_its_shape(seed: int) -> None:
    generator = np.random.default_rng(seed)
    assert is_single(generator.normal(size=(120, 4)))
    assert is_single(generator.normal(size=(120, 2)) * [4, 1])


@pytest.mark.parametrize("seed", range(3))
def test_separate_groups_and_a_ring_are_more_than_one_cloud(seed: int) -> None:
    generator = np.random.default_rng(seed)
    groups = generator.normal(size=(120, 3)) + 6 * np.eye(3)[generator.integers(0, 3, 120)]
    assert not is_single(groups)
    angles = generator.uniform(0, 2 * np.pi, 120)
    assert not is_single(
        np.stack([np.cos(angles), np.sin(angles)], 1) + 0.05 * generator.normal(size=(120, 2))
    )


def test_one_state_is_one_cloud() -> None:
    distances = squareform(pdist(np.random.default_rng(0).normal(size=(10, 2))))
    assert is_one_cloud(distances, 1, "ward", seed=0)


def test_principal_variances_are_those_of_the_points() -> None:
    points = np.random.default_rng(1).normal(size=(50, 3)) * [3, 2, 1]
    expected = np.linalg.eigvalsh(np.cov(points.T, bias=True))[::-1]
    np.testing.assert_allclose(principal_variances(squareform(pdist(points)))[:3], expected)
