"""analyze: maps at typical places of the latent space, trajectories along its axes, UMAP and plots."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.io.array_files import write_array, write_numbers
from gem_plugin.io.map_files import write_map
from gem_plugin.io.run_files import RunFiles
from gem_plugin.landscape.latent_components import (
    LatentComponents,
    fit_latent_components,
    traverse_component,
)
from gem_plugin.landscape.sketch import Sketch, check_latents, make_sketch
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.reports.figures_latents import draw_latent_figures
from gem_plugin.settings import setting
from gem_plugin.steps.latent_layout import lay_out_latents
from gem_plugin.steps.stage_records import StageRecords
from gem_plugin.steps.volume_sources import open_volume_source

TRAJECTORY_PERCENTILES = (5.0, 95.0)  # the outermost particles are often junk


@dataclass(frozen=True)
class AnalyzeSettings:
    """What to show of the latent space."""

    ksample: int = setting(20, "Number of k-means maps; 20 can still be looked at one by one.", minimum=1)
    pc: int = setting(3, "Number of latent principal components to travel along.", minimum=0)
    trajectory_points: int = setting(
        10, "Maps on each trajectory, from the 5th to the 95th percentile.", minimum=2
    )
    skip_vol: bool = setting(False, "Make plots and tables only, no maps.")
    skip_umap: bool = setting(False, "Leave out UMAP, the slowest part for very many particles.")
    flip: bool = setting(False, "Mirror all maps along z: the other hand.")
    seed: int = setting(0, "Seed of k-means and UMAP; the same seed gives the same result.", minimum=0)


def run_analyze(run: RunFiles, settings: AnalyzeSettings, progress: Progress) -> dict[str, Any]:
    """Look at the latent space of a finished training."""
    source = open_volume_source(run, flip=settings.flip)
    check_latents(source.latents)
    with progress.waiting(f"k-means of {source.n_particles} latents"):
        sketch = make_sketch(source.latents, settings.ksample, settings.seed, progress.track)
    components = fit_latent_components(source.latents)
    _save_sketch(run.analyze / f"kmeans{len(sketch)}", source, sketch)
    if not settings.skip_vol:
        _decode_sketch(run.analyze / f"kmeans{len(sketch)}", source, sketch, progress)
    n_trajectories = min(settings.pc, source.latents.shape[1])
    for number in range(n_trajectories):
        _save_trajectory(run.analyze / f"pc{number + 1}", source, components, number, settings, progress)
    layout = None
    if not settings.skip_umap:
        records = StageRecords(run.analyze)
        layout = lay_out_latents(run.analyze / "umap.npy", records, source.latents, settings.seed, progress)
    draw_latent_figures(run.figures, source.latents, components, sketch.rows, layout, progress.track)
    return {
        "particles": source.n_particles,
        "latent_size": source.latents.shape[1],
        "kmeans_maps": len(sketch),
        "trajectories": n_trajectories,
        "variance_of_first_component": round(float(components.explained_variance_ratio[0]), 4),
    }


def _save_sketch(folder: Path, source: VolumeSource, sketch: Sketch) -> None:
    write_numbers(folder / "centers.txt", source.latents[sketch.rows])
    write_numbers(folder / "centers_ind.txt", sketch.rows)
    write_array(folder / "labels.npy", sketch.labels + 1)  # 1-based: the number of the map


def _decode_sketch(folder: Path, source: VolumeSource, sketch: Sketch, progress: Progress) -> None:
    volumes = source.decode(source.latents[sketch.rows])
    save_numbered_maps(
        folder, progress.track(volumes, "k-means maps", len(sketch)), source.pixel_size_in_angstroms
    )


def _save_trajectory(
    folder: Path,
    source: VolumeSource,
    components: LatentComponents,
    number: int,
    settings: AnalyzeSettings,
    progress: Progress,
) -> None:
    trajectory = traverse_component(components, number, settings.trajectory_points, TRAJECTORY_PERCENTILES)
    write_numbers(folder / "z_values.txt", trajectory)
    if not settings.skip_vol:
        volumes = progress.track(source.decode(trajectory), f"component {number + 1}", len(trajectory))
        save_numbered_maps(folder, volumes, source.pixel_size_in_angstroms)


def save_numbered_maps(folder: Path, volumes: Iterable[np.ndarray], pixel_size_in_angstroms: float) -> None:
    """Write vol_001.mrc, vol_002.mrc, ... and remove such files of an earlier, longer series."""
    n_written = 0
    for n_written, volume in enumerate(volumes, start=1):
        write_map(folder / f"vol_{n_written:03d}.mrc", volume, pixel_size_in_angstroms)
    for path in folder.glob("vol_*.mrc"):
        number = path.stem.removeprefix("vol_")
        if number.isdigit() and int(number) > n_written:
            path.unlink()
