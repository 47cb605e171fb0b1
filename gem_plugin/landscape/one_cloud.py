"""Whether maps fall into groups at all, or form one cloud that any number of states would only cut at will.

Cutting a single cloud gives tidy states too, so a silhouette must be held against that of clouds without groups:
normal ones with the standard deviations of the maps along their principal axes, cut in the same way (after the gap statistic of
Tibshirani, Walther and Hastie, J. R. Stat. Soc. B 63, 411, 2001).
"""

import numpy as np
from scipy.spatial.distance import pdist, squareform

from gem_plugin.landscape.states import build_tree, cut_into_states, silhouette
from gem_plugin.progress import Track, untracked

N_CLOUDS = 40
N_AXES = 20  # the axes after these hold next to nothing
MARGIN = 0.03  # in the silhouette, over the best of the clouds: the number of states was the best of many too
MAXIMUM_MAPS = 300  # of a larger sketch a random part is judged, which is enough


def silhouettes_of_single_clouds(
    distances: np.ndarray,  # (k, k) between the maps
    n_states: int,
    method: str,
    seed: int,
    track: Track = untracked,
) -> np.ndarray:  # (N_CLOUDS,)
    """Silhouettes of as many states in clouds of normal distribution with the standard deviations of the maps."""
    standard_deviations = np.sqrt(principal_variances(distances))
    generator = np.random.default_rng(seed)
    weights = np.ones(len(distances))
    found = []
    for _ in track(range(N_CLOUDS), "clouds without groups", unit="cloud"):
        points = generator.normal(size=(len(distances), len(standard_deviations))) * standard_deviations
        between = squareform(pdist(points))
        found.append(silhouette(between, cut_into_states(build_tree(between, method), n_states, weights)))
    return np.array(found)


def principal_variances(distances: np.ndarray) -> np.ndarray:  # (k, k) -> (axes,)
    """Variances along the principal axes of points with these distances, the largest first."""
    squared = distances**2
    means = squared.mean(axis=0)
    products = -0.5 * (squared - means[:, None] - means[None, :] + means.mean())
    variances = np.linalg.eigvalsh(products)[::-1][:N_AXES] / len(distances)
    return np.maximum(variances, 0)


def is_one_cloud(
    distances: np.ndarray,  # (k, k)
    n_states: int,
    method: str,
    seed: int,
    track: Track = untracked,
) -> bool:
    """Whether so many states are no better apart than those of a cloud without groups."""
    if n_states < 2:
        return True
    if len(distances) > MAXIMUM_MAPS:
        chosen = np.random.default_rng(seed).choice(len(distances), MAXIMUM_MAPS, replace=False)
        distances = distances[np.ix_(chosen, chosen)]
    labels = cut_into_states(build_tree(distances, method), n_states, np.ones(len(distances)))
    single = silhouettes_of_single_clouds(distances, n_states, method, seed, track)
    return bool(silhouette(distances, labels) < single.max() + MARGIN)
