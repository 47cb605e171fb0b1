"""landscape-full: exact coordinates of every particle, states of all, free energy, the path between two states."""

import dataclasses
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.run.figure_names import FULL_POSITIONS
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import FullLandscapeFiles, LandscapeFiles
from gem_plugin.io.run.outliers import outliers_in_words
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.processes.joined import joined_workers, quiet
from gem_plugin.progress import Progress
from gem_plugin.reports.notebook import write_notebook
from gem_plugin.results.components import VolumeComponents
from gem_plugin.results.decoder import MapGrid, open_decoder
from gem_plugin.results.masks import original_grid
from gem_plugin.results.run import Run
from gem_plugin.steps.landscape.cryodrgn_layout import check_tree_is_ours, write_full_layout
from gem_plugin.steps.landscape.positions import write_positions
from gem_plugin.steps.landscape.region_masks import read_regions
from gem_plugin.steps.landscape.subunits import write_subunits
from gem_plugin.steps.landscape_full.coordinates import find_coordinates, measure_all_regions
from gem_plugin.steps.landscape_full.free_energy import map_energy, travel_path
from gem_plugin.steps.landscape_full.job import FullLandscapeJob
from gem_plugin.steps.landscape_full.populations import write_full_populations
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings, check_full_settings
from gem_plugin.steps.landscape_full.shared_rows import SharedRows
from gem_plugin.steps.landscape_full.states import group_particles, write_full_states


def run_landscape_full(run: RunFiles, settings: LandscapeFullSettings, progress: Progress) -> dict[str, Any]:
    """The landscape of all particles of a run whose sketch is done; of several processes the first makes it."""
    check_full_settings(settings)
    files = LandscapeFiles(settings.landscape_dir) if settings.landscape_dir is not None else run.landscape
    basis = VolumeComponents.load(files)
    grid = MapGrid(basis.box_size, basis.pixel_size_in_angstroms, basis.is_flipped)
    with joined_workers(settings.device) as (workers, device):
        source = open_decoder(run, grid, device)
        if workers.is_main:
            numbers = map_full_landscape(source, basis, files, run, settings, progress)
            SharedRows(source, basis, {}, workers, progress).end()
            return numbers
        regions = read_regions(
            settings.region, basis.box_size, basis.pixel_size_in_angstroms, original_grid(run)
        )
        SharedRows(source, basis, regions, workers, quiet(progress)).help_until_last()
        return {}


def map_full_landscape(
    source: VolumeSource,
    basis: VolumeComponents,
    files: LandscapeFiles,
    run: RunFiles,
    settings: LandscapeFullSettings,
    progress: Progress,
) -> dict[str, Any]:
    """All parts, for any source of maps."""
    basis.check_source(source)
    n_components = len(basis.pca.components)
    settings = dataclasses.replace(settings, energy_pcs=_energy_components(settings.energy_pcs, n_components))
    full = FullLandscapeFiles(settings.outdir) if settings.outdir is not None else files.full
    opened = Run(run)
    original = opened.original if opened.is_prepared else None
    if original is not None:
        original.check_is_there()  # its rows are written at the end
    if settings.cryodrgn_layout:
        check_tree_is_ours(run)
    job = FullLandscapeJob(source, basis, full, run, settings, progress, original, files)
    grid = basis.box_size, basis.pixel_size_in_angstroms
    masks = read_regions(settings.region, *grid, original_grid(run))  # before any work
    if sentence := outliers_in_words(run, len(job.is_used)):
        progress.say(sentence)
    coordinates, method, error = find_coordinates(job)
    regions = measure_all_regions(job, masks)
    states = group_particles(job, coordinates)
    table = write_full_states(job, coordinates, states, regions)
    write_full_populations(job, states)
    subunits = write_subunits(run, full.subunits, states.states, progress)
    positions = write_positions(
        job, states.states, full.positions, job.figures, FULL_POSITIONS, "states of landscape-full"
    )
    if states.leiden is not None:
        write_positions(job, states.leiden, full.leiden_positions, job.figures, None, "Leiden communities")
        write_subunits(run, full.leiden_subunits, states.leiden, progress, "Subunits in Leiden communities")
    landscape, energy_numbers = map_energy(job, coordinates[job.is_used])
    barrier = travel_path(job, coordinates, states.states, landscape)
    write_notebook(full.notebook, run.root)
    if settings.cryodrgn_layout:
        write_full_layout(run, full, job.figures, source.latents)
    return {
        "particles": source.n_particles,
        "components": n_components,
        "coordinates_by": method,
        **({"test_error_of_first_component": round(error, 4)} if error is not None else {}),
        "states": int(states.states.max()),
        "leiden_states": 0 if states.leiden is None else int(states.leiden.max()),
        "largest_state_share": round(float(table["particles"].max() / job.is_used.sum()), 4),
        **subunits,
        **positions,
        **energy_numbers,
        **({"barrier_in_kt": round(barrier, 3)} if barrier is not None else {}),
    }


def _energy_components(requested: tuple[int, ...], n_components: int) -> tuple[int, ...]:
    """The components of the free energy. The usual two shrink to one where there is only one; others must exist."""
    if requested == LandscapeFullSettings().energy_pcs:
        return tuple(number for number in requested if number <= n_components)
    beyond = [number for number in requested if number > n_components]
    if beyond:
        raise InputError(
            f"--energy-pcs: there is no component {beyond[0]}; the landscape has {n_components} components. "
            "Give others, or run gem-em landscape again with a larger --pc-dim."
        )
    return requested
