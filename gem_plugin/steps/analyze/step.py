"""analyze: maps at typical places of the latent space, trajectories along its axes, UMAP and plots."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.io.array_files import write_array, write_numbers
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.analyze_files import KmeansFiles
from gem_plugin.io.run.figure_names import remove_figures
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.names import latents_of_series, map_file, map_files
from gem_plugin.io.run.outliers import particles_in_states
from gem_plugin.landscape.latents.components import (
    LatentComponents,
    fit_latent_components,
    trajectory_along_component,
)
from gem_plugin.landscape.sketch import Sketch, check_latents, make_sketch
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.reports.figures.latents import draw_latent_figures
from gem_plugin.results.decoder import MapGrid
from gem_plugin.results.run import Run
from gem_plugin.results.stage_records import StageRecords
from gem_plugin.steps.analyze.settings import AnalyzeSettings
from gem_plugin.steps.landscape.latent_umap import drop_other_layout, lay_out_latents

TRAJECTORY_PERCENTILES = (5.0, 95.0)  # the outermost particles are often junk


def run_analyze(run: RunFiles, settings: AnalyzeSettings, progress: Progress) -> dict[str, Any]:
    """Look at the latent space of a finished training."""
    source = Run(run).decoder(MapGrid(is_flipped=settings.flip))
    check_latents(source.latents)
    with progress.waiting(f"k-means of {source.n_particles} latents"):
        is_used = particles_in_states(run, source.n_particles)
        sketch = make_sketch(source.latents, settings.ksample, settings.seed, progress.track, is_used)
    components = fit_latent_components(source.latents)
    _remove_earlier_series(run)
    kmeans = run.analyze.kmeans(len(sketch))
    _save_sketch(kmeans, source, sketch)
    if not settings.skip_vol:
        _decode_sketch(kmeans.root, source, sketch, progress)
    n_trajectories = min(settings.pc, source.latents.shape[1])
    for number in range(n_trajectories):
        _save_trajectory(
            run.analyze.component_folder(number + 1), source, components, number, settings, progress
        )
    layout, records = None, StageRecords(run.analyze.root)
    if settings.skip_umap:
        drop_other_layout(run.analyze.umap, records, source.latents, settings.seed)
        remove_figures(run.figures, names.LATENTS_UMAP)
    else:
        layout = lay_out_latents(run.analyze.umap, records, source.latents, settings.seed, progress)
    draw_latent_figures(run.figures, source.latents, components, sketch.rows, layout, progress.track)
    return {
        "particles": source.n_particles,
        "latent_size": source.latents.shape[1],
        "kmeans_maps": len(sketch),
        "trajectories": n_trajectories,
        "variance_of_first_component": round(float(components.explained_variance_ratio[0]), 4),
    }


def _remove_earlier_series(run: RunFiles) -> None:
    """Maps of other numbers of centres or of more components would stand beside the new ones."""
    folders = [files.root for files in run.analyze.all_kmeans().values()]
    for folder in [*folders, *run.analyze.component_folders().values()]:
        shutil.rmtree(folder)


def _save_sketch(files: KmeansFiles, source: VolumeSource, sketch: Sketch) -> None:
    write_numbers(files.latents, source.latents[sketch.rows])
    write_numbers(files.rows, sketch.rows)
    write_array(files.labels, sketch.labels + 1)  # 1-based: the number of the map; 0: excluded, or an outlier


def _decode_sketch(folder: Path, source: VolumeSource, sketch: Sketch, progress: Progress) -> None:
    volumes = source.maps_for_files(source.latents[sketch.rows])
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
    trajectory = trajectory_along_component(
        components, number, settings.trajectory_points, TRAJECTORY_PERCENTILES
    )
    write_numbers(latents_of_series(folder), trajectory)
    if not settings.skip_vol:
        volumes = progress.track(
            source.maps_for_files(trajectory), f"component {number + 1}", len(trajectory)
        )
        save_numbered_maps(folder, volumes, source.pixel_size_in_angstroms)


def save_numbered_maps(folder: Path, volumes: Iterable[np.ndarray], pixel_size_in_angstroms: float) -> None:
    """Write vol_001.mrc, vol_002.mrc, ... and remove such files of an earlier, longer series."""
    written = []
    for number, volume in enumerate(volumes, start=1):
        written.append(map_file(folder, number))
        write_map(written[-1], volume, pixel_size_in_angstroms)
    for path in map_files(folder):
        if path not in written:
            path.unlink()
