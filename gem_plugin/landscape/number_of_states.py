"""Choosing the number of states: as many as there are basins of the density, by the linkage whose tree has them as branches."""

from typing import NamedTuple

import numpy as np

from gem_plugin.landscape.basins import Basins
from gem_plugin.landscape.linkages import LINKAGES
from gem_plugin.landscape.states import MAXIMUM_AUTOMATIC_N_STATES, build_tree, cut_into_states

SAME_STATES = 0.8  # adjusted Rand index between branches and basins, from which they are taken for the same
CLEARLY_BETTER = 0.05  # by so much another linkage than the requested one must be nearer to the basins


class ChosenNumber(NamedTuple):
    """A number of states, and the linkage whose tree is cut."""

    n_states: int
    linkage: str
    agreement: float  # adjusted Rand index between the states and the basins


def choose_n_states(
    basins: Basins,
    distances: np.ndarray,  # (k, k)
    weights: np.ndarray,  # (k,)
    linkage: str,
) -> ChosenNumber:
    """The number of basins with a barrier; fewer where no tree has so many as branches.

    Ward's linkage divides a large state before it separates a small one; another linkage then has the small one as a branch.
    """
    n_states = min(basins.n_states, MAXIMUM_AUTOMATIC_N_STATES)
    if n_states == 1:
        return ChosenNumber(1, linkage, 1.0)
    trees = {name: build_tree(distances, name) for name in (linkage, *LINKAGES)}
    found = [_nearest_linkage(basins, trees, number, weights, linkage) for number in range(n_states, 1, -1)]
    return next((one for one in found if one.agreement >= SAME_STATES), found[0])


def _nearest_linkage(
    basins: Basins, trees: dict[str, np.ndarray], n_states: int, weights: np.ndarray, requested: str
) -> ChosenNumber:
    from sklearn.metrics import adjusted_rand_score

    of_basins = basins.labels(n_states)
    agreements = {
        name: float(adjusted_rand_score(of_basins, cut_into_states(tree, n_states, weights)))
        for name, tree in trees.items()
    }
    best = max(agreements, key=lambda name: agreements[name])
    if agreements[requested] >= agreements[best] - CLEARLY_BETTER:
        best = requested
    return ChosenNumber(n_states, best, agreements[best])
