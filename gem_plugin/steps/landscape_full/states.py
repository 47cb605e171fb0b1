"""The second part of landscape-full: states of all particles, their maps, lists, tables and plots."""

import shutil
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from gem_plugin.io.array_files import read_array, write_array
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.figure_names import remove_figures
from gem_plugin.io.run.state_files import StateFiles
from gem_plugin.landscape.latents.umap import umap_embedding
from gem_plugin.landscape.particle_states import (
    assign_particles,
    leiden_is_installed,
    leiden_states,
    merge_particles,
    numbered_alike,
)
from gem_plugin.landscape.regions import RegionMeasures
from gem_plugin.landscape.state_maps import average_volumes
from gem_plugin.progress import Progress
from gem_plugin.reports.figures import landscape as figures
from gem_plugin.results.checks import RunChecks
from gem_plugin.results.run import Run
from gem_plugin.results.same_states import full_states_in_common
from gem_plugin.results.sketch import Sketch
from gem_plugin.results.state_particles import write_particle_classes, write_state_particles
from gem_plugin.results.state_sources import FULL, LEIDEN
from gem_plugin.results.states import States
from gem_plugin.results.verdict_column import write_verdict_column
from gem_plugin.steps.landscape.settings import AUTOMATIC
from gem_plugin.steps.landscape.state_table import (
    Table,
    quality_columns,
    quality_of_states,
    region_columns,
    write_state_table,
)
from gem_plugin.steps.landscape_full.job import FullLandscapeJob
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings


class ParticleGroups(NamedTuple):
    """Two divisions of all particles into states."""

    states: np.ndarray  # (n,) int64 from 1: agglomerative; 0: excluded
    leiden: np.ndarray | None  # (n,) int64 from 1; 0: excluded


def group_particles(job: FullLandscapeJob, coordinates: np.ndarray) -> ParticleGroups:
    """Agglomerative states, and Leiden communities where requested."""
    full, settings, progress = job.full, job.settings, job.progress

    values = coordinates[job.is_used].astype(np.float64)
    with progress.waiting(f"states of {len(values)} particles"):
        states = states_of_all(job, coordinates)
    for path in (full.populations, full.leiden_populations):  # of earlier states
        path.unlink(missing_ok=True)
    write_array(full.particle_states, states)
    leiden = None
    full.leiden_states.unlink(missing_ok=True)
    if full.leiden.root.is_dir():
        shutil.rmtree(full.leiden.root)
    if leiden_wanted(settings, progress):
        with progress.waiting(f"Leiden communities of {len(values)} particles"):
            of_used = leiden_states(
                values, settings.num_neighbors, settings.resolution, settings.seed, progress.track
            )
            leiden = _among_all(of_used, job.is_used)
        write_array(full.leiden_states, leiden)
    return ParticleGroups(states, leiden)


def states_of_all(job: FullLandscapeJob, coordinates: np.ndarray) -> np.ndarray:  # (n,) int64; 0: excluded
    """The states of the landscape, each particle assigned by its own map; a clustering of its own where another number is requested."""
    landscape = States.load(job.landscape)
    if _are_those_of_landscape(job, int(landscape.labels.max())):
        return _assigned(job, coordinates)
    values, settings = coordinates[job.is_used].astype(np.float64), job.settings
    n_states = min(int(settings.n_states), len(values))
    of_used = merge_particles(values, n_states, settings.linkage, settings.seed, job.progress.track)
    job.progress.say(
        f"{n_states} states by {settings.linkage} linkage are not the {landscape.labels.max()} states of the landscape: they have the column full_state, "
        "and each has the number of the state that it shares most particles with."
    )
    return numbered_alike(_among_all(of_used, job.is_used), landscape.labels)


def _are_those_of_landscape(job: FullLandscapeJob, n_states: int) -> bool:
    settings, run = job.settings, Run(job.run)
    of_landscape = (
        LandscapeFullSettings().linkage,
        run.settings("landscape").get("linkage"),
        run.summary("landscape").get("linkage"),
    )
    return settings.n_states in (AUTOMATIC, n_states) and settings.linkage in of_landscape


def _assigned(job: FullLandscapeJob, coordinates: np.ndarray) -> np.ndarray:
    """Particles of excluded maps have none; those that stand for a map keep its state, so that no state is empty."""
    sketch = Sketch.load(job.landscape, len(coordinates))
    map_states = read_array(job.landscape.state_labels, "gem-em landscape")
    states = assign_particles(
        coordinates.astype(np.float64), job.basis.pca.scores[:, : coordinates.shape[1]], map_states
    )
    states[sketch.rows] = map_states
    states[(sketch.labels < 0) | ~job.is_used] = 0
    before = States.load(job.landscape).labels
    n_moved = int(((states != before) & (before > 0) & (states > 0)).sum())
    job.progress.say(
        f"States are those of the landscape; by its own map, {n_moved:,} of {int((states > 0).sum()):,} particles belong to another one "
        "than the map that stands for it (column full_state; state is the landscape's)."
    )
    return states


def _among_all(labels: np.ndarray, is_used: np.ndarray) -> np.ndarray:  # (n,) int64
    """Labels of the particles that count as labels of all; 0 for the others."""
    of_all = np.zeros(len(is_used), dtype=np.int64)
    of_all[is_used] = labels
    return of_all


def write_full_states(
    job: FullLandscapeJob,
    coordinates: np.ndarray,
    groups: ParticleGroups,
    regions: RegionMeasures | None,
) -> Table:
    """Maps, particle files and the table of the states; class numbers and coordinates for RELION; plots."""
    full = job.full
    n_states = int(groups.states.max())
    for files, labels in ((full.states, groups.states), (full.leiden, groups.leiden)):
        if labels is not None:
            _write_state_maps(job, labels, files)
            write_state_particles(files, labels, int(labels.max()), job.original, job.progress)
    columns: Table = {"particles": np.bincount(groups.states, minlength=n_states + 1)[1:]}
    if job.settings.maps_per_state:
        columns |= quality_columns(
            quality_of_states(
                full.states, job.basis.mask, groups.states, n_states, job.run.latents_std, job.progress
            )
        )
    if regions is not None:
        columns |= region_columns(regions, groups.states, np.ones(len(coordinates)), n_states)
    write_state_table(full.state_table, columns)
    _write_verdicts(job, groups)
    write_particle_classes(full, job.original, groups.states, job.run, job.progress, coordinates)
    _draw_groups(job, coordinates, groups)
    return columns


def _write_verdicts(job: FullLandscapeJob, groups: ParticleGroups) -> None:
    """Into the table of the states and into the log, with what they rest on."""
    in_common = full_states_in_common(job.run, job.full.particle_states)
    checks = replace(RunChecks.load(job.run), in_common=in_common)
    write_verdict_column(job.full.state_table, partial(checks.badge, source=FULL))
    labels_of = {FULL: groups.states, **({} if groups.leiden is None else {LEIDEN: groups.leiden})}
    for source, labels in labels_of.items():
        numbers = range(1, int(labels.max()) + 1)
        name = "" if source == FULL else "Leiden communities. "
        rule = checks.how_to_read(numbers, source).replace("RUN", str(job.run.root))
        job.progress.say(f"{name}{checks.in_words(numbers, source)} {rule}")


def _write_state_maps(job: FullLandscapeJob, labels: np.ndarray, files: StateFiles) -> None:
    """Mean and standard deviation of the maps of particles drawn at random from each state."""
    source, settings, progress = job.source, job.settings, job.progress
    files.remove_maps()
    if settings.maps_per_state == 0:
        return
    generator = np.random.default_rng(settings.seed)
    for number in progress.track(range(1, int(labels.max()) + 1), f"maps of {files.root.name}", unit="state"):
        members = np.flatnonzero(labels == number)
        n_drawn = min(settings.maps_per_state, len(members))
        drawn = np.sort(generator.choice(members, n_drawn, replace=False))
        maps = average_volumes(source.maps_for_files(source.latents[drawn]), np.ones(n_drawn))
        write_map(files.mean(number), maps.mean, source.pixel_size_in_angstroms)
        write_map(files.standard_deviation(number), maps.std, source.pixel_size_in_angstroms)


def _draw_groups(job: FullLandscapeJob, coordinates: np.ndarray, groups: ParticleGroups) -> None:
    full, figure_folder, settings, progress = job.full, job.figures, job.settings, job.progress
    full.umap.unlink(missing_ok=True)
    remove_figures(figure_folder, names.FULL_STATES_ON_PLANE, names.FULL_LEIDEN_ON_PLANE)
    planes = {}
    if coordinates.shape[1] > 1:
        axes = ("volume component 1 (map units)", "volume component 2 (map units)")
        planes["pca"] = (coordinates[:, :2], axes)
    if not settings.skip_umap and len(coordinates) > 2:
        with progress.waiting(f"UMAP of the coordinates of {len(coordinates)} particles"):
            layout = umap_embedding(coordinates, settings.seed, settings.num_neighbors, progress.track)
        write_array(full.umap, layout)
        planes["umap"] = (layout, ("UMAP 1 (arbitrary units)", "UMAP 2 (arbitrary units)"))
    on_plane, drawn = figures.draw_states_on_plane, []
    for name, (points, labels) in planes.items():
        drawn.append(
            partial(
                on_plane,
                figure_folder / names.FULL_STATES_ON_PLANE.format(name),
                points,
                groups.states,
                labels,
            )
        )
        if groups.leiden is not None:
            stem = figure_folder / names.FULL_LEIDEN_ON_PLANE.format(name)
            drawn.append(partial(on_plane, stem, points, groups.leiden, labels))
    counts = np.bincount(groups.states)[1:]
    stem = figure_folder / names.FULL_STATE_PARTICLE_COUNTS
    drawn.append(partial(figures.draw_state_sizes, stem, counts, "particles"))
    for draw in progress.track(drawn, "figures of all particles", unit="figure"):
        draw()


def leiden_wanted(settings: LandscapeFullSettings, progress: Progress) -> bool:
    """Whether Leiden communities are requested and possible; says why not."""
    if settings.leiden and not leiden_is_installed():
        progress.say(
            "Leiden communities are skipped: the optional package igraph is not installed (pip install igraph)."
        )
    return settings.leiden and leiden_is_installed()
