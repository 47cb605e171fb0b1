import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

from gem_plugin.errors import InputError
from gem_plugin.landscape.linkages import LINKAGES
from gem_plugin.landscape.state_maps import average_volumes
from gem_plugin.landscape.states import (
    assess_numbers_of_states,
    build_tree,
    choose_linkage,
    compare_linkages,
    cut_into_states,
    largest_share,
    number_by_size,
)


def blobs(sizes: tuple[int, ...], spread: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(4)
    centres = generator.normal(size=(len(sizes), 6)) * 6
    points = np.concatenate(
        [centre + spread * generator.normal(size=(n, 6)) for centre, n in zip(centres, sizes)]
    )
    return np.linalg.norm(points[:, None] - points[None], axis=2), np.repeat(np.arange(len(sizes)), sizes)


@pytest.mark.parametrize("method", LINKAGES)
def test_states_are_those_of_scikit_learn(method: str) -> None:
    points = np.random.default_rng(0).normal(size=(60, 4))
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    ours = cut_into_states(build_tree(distances, method), 7, np.ones(60))
    theirs = AgglomerativeClustering(7, linkage=method).fit_predict(points)
    assert adjusted_rand_score(ours, theirs) == 1


def test_states_count_from_one_and_the_first_has_the_most_particles() -> None:
    distances, truth = blobs((5, 20, 10))
    weights = np.where(truth == 0, 100.0, 1.0)  # few maps, most particles
    states = cut_into_states(build_tree(distances, "ward"), 3, weights)
    assert set(states) == {1, 2, 3}
    assert (states[truth == 0] == 1).all()
    assert (states[truth == 1] == 2).all()


def test_numbering_does_not_depend_on_the_numbers_before() -> None:
    np.testing.assert_array_equal(number_by_size(np.array([9, 9, 4, 7, 7]), np.ones(5)), [1, 1, 3, 2, 2])


def test_the_number_of_groups_is_the_best_separated_one() -> None:
    distances, truth = blobs((20, 15, 12, 9))
    choices = assess_numbers_of_states(distances, np.ones(len(truth)), "ward", seed=0)
    best = choices[2]
    assert best.n_states == 4
    assert best.silhouette > 0.8
    assert best.stability > 0.99


def test_automatic_linkage_avoids_a_giant_state() -> None:
    """A cloud with a few outliers: average linkage makes singletons of them, ward divides the cloud."""
    generator = np.random.default_rng(1)
    points = np.concatenate([generator.normal(size=(150, 8)), 2 * generator.normal(size=(5, 8))])
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    weights = np.ones(155)
    table = compare_linkages(distances, weights, 6)
    assert table["average"][1] > 0.9
    assert table["ward"][1] < 0.5
    chosen = choose_linkage(distances, weights, 6)
    assert largest_share(cut_into_states(build_tree(distances, chosen), 6, weights), weights) <= 0.5


def test_impossible_numbers_of_states_are_refused() -> None:
    distances, _ = blobs((4, 4))
    with pytest.raises(InputError, match="1 to 8, the number of sketch maps"):
        cut_into_states(build_tree(distances, "ward"), 9, np.ones(8))
    with pytest.raises(InputError, match="expected one of ward"):
        build_tree(distances, "median")


def test_mean_and_spread_are_weighted() -> None:
    volumes = np.random.default_rng(0).normal(size=(6, 3, 3, 3)).astype(np.float32)
    weights = np.array([1, 5, 2, 1, 1, 3])
    maps = average_volumes(volumes, weights)
    repeated = np.repeat(volumes, weights, axis=0)
    np.testing.assert_allclose(maps.mean, repeated.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(maps.std, repeated.std(axis=0), atol=1e-6)


def test_spread_of_a_single_map_is_zero() -> None:
    assert (average_volumes([np.ones((2, 2, 2), np.float32)], np.array([4])).std == 0).all()
