"""The number of particles near every map of a trajectory of a run."""

from functools import lru_cache

import numpy as np

from gem_plugin.io.array_files import read_array
from gem_plugin.io.run.names import COMPONENT_NAME
from gem_plugin.landscape.latents.near_particles import NearParticles
from gem_plugin.results.run import MapSeries, Run


def near_latents(run: Run) -> NearParticles | None:
    """Counts particles in the latent space; outliers and excluded ones do not count. None without latents."""
    latents = run.latents_if_there
    if latents is None:
        return None
    counted = run.is_in_states if run.is_in_states.any() else np.ones(len(latents), bool)
    return NearParticles(latents[counted])


def near_volume_components(run: Run) -> NearParticles | None:
    """The same in the space of the volume components, where each sketch map stands for its particles."""
    files = run.files.landscape
    if not (files.volume_pca_scores.is_file() and files.sketch_rows.is_file()):
        return None
    scores = read_array(files.volume_pca_scores, "gem-em landscape")
    return NearParticles(scores, run.sketch().counts)


def particles_near_series(run: Run) -> list[np.ndarray | None]:  # (maps,) int64 for each of run.series
    """The number of particles near every map; None where it cannot be known."""
    latents = lru_cache(1)(lambda: near_latents(run))
    components = lru_cache(1)(lambda: near_volume_components(run))
    found: list[np.ndarray | None] = []
    for series in run.series:
        points = series.latents
        if points is not None:
            near = latents()
        else:
            near, points = components(), _scores_along(run, series)
        is_known = near is not None and points is not None and len(points) == len(series.paths)
        found.append(near.at(points) if is_known and near is not None and points is not None else None)
    return found


def _scores_along(run: Run, series: MapSeries) -> np.ndarray | None:  # (maps, c)
    """Where landscape made the maps: from the smallest score on the component to the largest, the others at their mean."""
    files, name = run.files.landscape, COMPONENT_NAME.fullmatch(series.folder.name)
    if name is None or not files.volume_pca_scores.is_file():
        return None
    scores = read_array(files.volume_pca_scores, "gem-em landscape")
    column = int(name[1]) - 1
    if column >= scores.shape[1]:
        return None
    points = np.zeros((len(series.paths), scores.shape[1]))
    points[:, column] = np.linspace(scores[:, column].min(), scores[:, column].max(), len(points))
    return points
