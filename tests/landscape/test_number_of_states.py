"""The states that are chosen automatically are the basins, whatever linkage it takes."""

import numpy as np
from scipy.spatial.distance import cdist

from gem_plugin.landscape.basins import find_basins
from gem_plugin.landscape.number_of_states import choose_n_states
from gem_plugin.landscape.sketch import make_sketch
from gem_plugin.landscape.states import build_tree, cut_into_states


def agreeing(particles: np.ndarray, linkage: str = "ward") -> tuple:
    sketch = make_sketch(particles.astype(np.float32), 200, seed=0)
    maps, weights = particles[sketch.rows], sketch.counts.astype(float)
    distances = cdist(maps, maps)
    chosen = choose_n_states(find_basins(distances, weights), distances, weights, linkage)
    states = cut_into_states(build_tree(distances, chosen.linkage), chosen.n_states, weights)
    return (
        chosen,
        states[sketch.labels],
        cut_into_states(build_tree(distances, "ward"), 2, weights)[sketch.labels],
    )


def test_a_small_state_beside_a_large_continuum_is_separated_though_ward_would_cut_the_large_one() -> None:
    generator = np.random.default_rng(0)
    large = np.stack([generator.random(2800) * 20, 0.3 * generator.normal(size=2800)], axis=1)
    small = np.array([10, 6]) + 0.3 * generator.normal(size=(200, 2))
    chosen, states, by_ward = agreeing(np.concatenate([large, small]))
    assert len(np.unique(by_ward[:2800])) == 2, "Ward cuts the large one"
    assert chosen.n_states == 2
    assert chosen.linkage != "ward"
    assert (states[:2800] == 1).all()
    assert (states[2800:] == 2).all()


def test_the_requested_linkage_is_kept_where_it_finds_the_basins() -> None:
    generator = np.random.default_rng(1)
    points = np.concatenate([generator.normal(size=(400, 2)) + np.array([9 * i, 0]) for i in range(3)])
    for linkage in ("ward", "average"):
        chosen, states, _ = agreeing(points, linkage)
        assert (chosen.n_states, chosen.linkage) == (3, linkage)
        assert sorted(np.bincount(states)[1:]) == [400, 400, 400]


def test_one_cloud_is_one_state() -> None:
    chosen, states, _ = agreeing(np.random.default_rng(2).normal(size=(1500, 3)))
    assert (chosen.n_states, chosen.linkage, set(states)) == (1, "ward", {1})
