"""States: groups of similar maps, found by merging the most similar ones step by step."""

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from gem_plugin.errors import InputError
from gem_plugin.landscape.basins import Basins
from gem_plugin.landscape.linkages import LINKAGES
from gem_plugin.landscape.tree_cuts import cut_tree_at
from gem_plugin.progress import Track, untracked

MAXIMUM_FRACTION_ALLOWED = 0.5  # a state with more than half of the particles explains little
MAXIMUM_AUTOMATIC_N_STATES = 20
SUBSET_FRACTION = 0.8
N_SUBSETS = 20


@dataclass(frozen=True)
class StateChoice:
    """How good a number of states is."""

    n_states: int
    silhouette: float  # -1 to 1: how much nearer a map is to its own state than to the next one
    stability: float  # mean adjusted Rand index against clusterings of random subsets, 1 = the same
    largest_share: float  # of the particles
    barrier_in_kt: float = float("nan")  # of the least separated state; NaN where it was not measured


def build_tree(distances: np.ndarray, method: str) -> np.ndarray:  # (k, k) -> (k - 1, 4)
    """Merge maps step by step; the rows are scipy's linkage format."""
    if method not in LINKAGES:
        raise InputError(f"--linkage is {method!r}; expected one of {', '.join(LINKAGES)}.")
    return linkage(squareform(distances, checks=False), method=method)


def cut_into_states(
    tree: np.ndarray,  # (k - 1, 4)
    n_states: int,
    weights: np.ndarray,  # (k,), particles per map
) -> np.ndarray:  # (k,) int64, 1-based; state 1 has the most particles
    """Undo the last merges until there are `n_states` states, and number them by size."""
    n_maps = len(tree) + 1
    if not 1 <= n_states <= n_maps:
        raise InputError(f"-M is {n_states}; expected 1 to {n_maps}, the number of sketch maps.")
    return number_by_size(cut_tree_at(tree, n_states), weights)


def number_by_size(labels: np.ndarray, weights: np.ndarray) -> np.ndarray:  # (k,) any ints -> (k,) 1-based
    """Number groups from 1, the heaviest first; equal ones in order of first appearance."""
    _, first_seen, group = np.unique(labels, return_index=True, return_inverse=True)
    weight_of_group = np.bincount(group, weights=weights)
    order = np.lexsort((first_seen, -weight_of_group))
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(1, len(order) + 1)
    return number[group]


def largest_share(states: np.ndarray, weights: np.ndarray) -> float:
    """Fraction of the particles that the largest state holds."""
    return float(np.bincount(states, weights=weights).max() / weights.sum())


def silhouette(distances: np.ndarray, states: np.ndarray) -> float:
    """Mean silhouette of the maps; 0 when there is one state, or every map is its own."""
    from sklearn.metrics import silhouette_score

    n_states = len(np.unique(states))
    if not 1 < n_states < len(states):
        return 0.0
    return float(silhouette_score(distances, states, metric="precomputed"))


def assess_numbers_of_states(
    distances: np.ndarray,  # (k, k)
    weights: np.ndarray,  # (k,)
    method: str,
    seed: int,
    track: Track = untracked,
    basins: Basins | None = None,
) -> list[StateChoice]:
    """Silhouette and stability for 2 to 20 states, and the barrier where basins are given.

    Stability: how alike the states are when a random fifth of the maps is left out, as the mean adjusted Rand index.
    """
    tree = build_tree(distances, method)
    subsets = _trees_of_subsets(distances, method, np.random.default_rng(seed), track)
    choices = []
    numbers = range(2, min(MAXIMUM_AUTOMATIC_N_STATES, len(distances) - 1) + 1)
    for n_states in track(numbers, "numbers of states", unit="number"):
        states = cut_into_states(tree, n_states, weights)
        stable = _agreement_with_subsets(states, n_states, subsets)
        fraction = largest_share(states, weights)
        barrier = float("nan") if basins is None else basins.barrier_of(n_states)
        choices.append(StateChoice(n_states, silhouette(distances, states), stable, fraction, barrier))
    return choices


def _trees_of_subsets(
    distances: np.ndarray, method: str, generator: np.random.Generator, track: Track
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Random subsets of the maps (positions in order) and their trees."""
    n_maps = len(distances)
    n_subset = max(2, round(SUBSET_FRACTION * n_maps))
    subsets = [np.sort(generator.choice(n_maps, n_subset, replace=False)) for _ in range(N_SUBSETS)]
    tracked = track(subsets, "trees of random subsets", unit="tree")
    return [(chosen, build_tree(distances[np.ix_(chosen, chosen)], method)) for chosen in tracked]


def _agreement_with_subsets(
    states: np.ndarray, n_states: int, subsets: list[tuple[np.ndarray, np.ndarray]]
) -> float:
    from sklearn.metrics import adjusted_rand_score

    if n_states > len(subsets[0][0]):
        return 0.0
    scores = [adjusted_rand_score(states[chosen], cut_tree_at(tree, n_states)) for chosen, tree in subsets]
    return float(np.mean(scores))


def choose_linkage(distances: np.ndarray, weights: np.ndarray, n_states: int) -> str:
    """The linkage with the best silhouette among those whose largest state has at most half of the particles.

    Where every linkage ends in a giant state, the one with the smallest largest state.
    """
    results = compare_linkages(distances, weights, n_states)
    balanced = {name: value for name, value in results.items() if value[1] <= MAXIMUM_FRACTION_ALLOWED}
    if balanced:
        return max(balanced, key=lambda name: balanced[name][0])
    return min(results, key=lambda name: results[name][1])


def compare_linkages(
    distances: np.ndarray, weights: np.ndarray, n_states: int
) -> dict[str, tuple[float, float]]:  # name -> (silhouette, fraction in the largest state)
    """Every linkage with the same number of states."""
    results = {}
    for method in LINKAGES:
        states = cut_into_states(build_tree(distances, method), n_states, weights)
        results[method] = (silhouette(distances, states), largest_share(states, weights))
    return results
