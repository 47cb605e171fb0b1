"""What is reported of the states beside their maps: a table with hints of junk and of regions, and difference maps."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.run.state_files import StateFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.checks.junk_score import SUSPICIOUS, StateQuality, assess_states
from gem_plugin.landscape.regions import RegionMeasures
from gem_plugin.landscape.volume_pca import select_masked_voxels
from gem_plugin.progress import Progress

Table = dict[str, np.ndarray]  # column name -> (m,)


def quality_of_states(
    files: StateFiles,  # with the mean map of every state
    mask: np.ndarray,
    particle_states: np.ndarray,  # (n,) from 1; 0 = none
    n_states: int,
    latents_std_file: Path,
    progress: Progress,
) -> StateQuality:
    """Hints of junk for every state; says which states to look at."""
    means = [read_map(files.mean(number)).volume for number in range(1, n_states + 1)]
    rows = np.stack([select_masked_voxels(mean, mask) for mean in means])
    counts = np.bincount(particle_states, minlength=n_states + 1)[1:]
    latents_std = np.load(latents_std_file, allow_pickle=False) if latents_std_file.is_file() else None
    quality = assess_states(rows, counts, particle_states, latents_std)
    for number in np.flatnonzero(quality.junk_score > SUSPICIOUS) + 1:
        progress.say(
            f"State {number} may be junk (score {quality.junk_score[number - 1]:.1f}): look at its map."
        )
    return quality


def write_difference_maps(files: StateFiles, n_states: int, counts: np.ndarray, which: str) -> None:
    """Each state's mean less the mean of all particles, or less that of every state after it."""
    files.remove_differences()
    if which == "none" or n_states < 2:
        return
    maps = [read_map(files.mean(number)) for number in range(1, n_states + 1)]
    pixel_size = maps[0].pixel_size_in_angstroms
    if which == "mean":
        fractions = counts / counts.sum()
        overall = sum(fraction * one.volume for fraction, one in zip(fractions, maps))
        for number, one in enumerate(maps, start=1):
            write_map(files.difference(number), one.volume - overall, pixel_size)
        return
    for first in range(n_states):
        for second in range(first + 1, n_states):
            path = files.minus(first + 1, second + 1)
            write_map(path, maps[first].volume - maps[second].volume, pixel_size)


def region_columns(
    measures: RegionMeasures,
    labels: np.ndarray,  # (k,): state of each row of the measures, from 1; 0 = none
    weights: np.ndarray,  # (k,)
    n_states: int,
) -> Table:
    """Mean occupancy and motion of every region in every state."""
    columns: Table = {}
    for index, name in enumerate(measures.names):
        for what, values in (
            ("occupancy", measures.occupancy),
            ("motion_in_angstroms", measures.motion_in_angstroms),
        ):
            columns[f"{name}_{what}"] = np.array(
                [
                    _weighted_mean(values[:, index], np.where(labels == number, weights, 0))
                    for number in range(1, n_states + 1)
                ]
            )
    return columns


def _weighted_mean(values: np.ndarray, weights: np.ndarray) -> float:
    counted = (weights > 0) & np.isfinite(values)
    return float(np.average(values[counted], weights=weights[counted])) if counted.any() else float("nan")


def write_state_table(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """A csv file with one row a state; the first column is the state, from 1."""
    n_states = len(next(iter(columns.values())))
    lines = [",".join(["state", *columns])]
    for index in range(n_states):
        lines.append(",".join([str(index + 1), *(_as_text(values[index]) for values in columns.values())]))
    write_text_whole(path, "\n".join(lines) + "\n")


def quality_columns(quality: StateQuality) -> Table:
    return {
        "density_ratio": quality.density_ratio,
        "isolation": quality.isolation,
        "uncertainty_ratio": quality.uncertainty_ratio,
        "junk_score": quality.junk_score,
    }


def _as_text(value: np.generic) -> str:
    return str(int(value)) if isinstance(value, np.integer) else f"{float(value):.5g}"
