"""Cuts of a tree: the groups of scipy's cut_tree, found fast."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cut_tree, linkage
from sklearn.metrics import adjusted_rand_score

from gem_plugin.landscape.linkages import LINKAGES
from gem_plugin.landscape.tree_cuts import cut_tree_at


@given(n=st.integers(2, 60), seed=st.integers(0, 1000), method=st.sampled_from(LINKAGES), data=st.data())
def test_groups_are_those_of_scipy(n, seed, method, data):
    tree = linkage(np.random.default_rng(seed).normal(size=(n, 3)), method)
    n_groups = data.draw(st.integers(1, n))
    found = cut_tree_at(tree, n_groups)
    assert len(np.unique(found)) == n_groups
    assert adjusted_rand_score(found, cut_tree(tree, n_clusters=n_groups).ravel()) == pytest.approx(1)


def test_leaves_at_equal_distances_give_the_number_that_was_asked_for():
    tree = linkage(np.repeat(np.eye(3), 4, axis=0), "ward")
    for n_groups in range(1, 13):
        assert len(np.unique(cut_tree_at(tree, n_groups))) == n_groups
    assert cut_tree_at(tree, 3).tolist() in ([[a] * 4 + [b] * 4 + [c] * 4 for a in range(3) for b in range(3) for c in range(3) if {a, b, c} == {0, 1, 2}])  # fmt: skip


def test_a_thousand_leaves_are_cut_at_once():
    tree = linkage(np.random.default_rng(0).normal(size=(1000, 5)), "ward")
    start = time.process_time()
    for n_groups in range(2, 21):
        cut_tree_at(tree, n_groups)
    assert time.process_time() - start < 0.2, "scipy's takes more than a second"
