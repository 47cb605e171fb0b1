"""landscape-full: exact coordinates of every particle, states of all, free energy, the path between two states."""

import dataclasses
from pathlib import Path
from typing import Any

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import FullLandscapeFiles, LandscapeFiles
from gem_plugin.io.run.settings import read_run_settings
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.reports.notebook import write_notebook
from gem_plugin.results.components import SketchBasis, load_basis
from gem_plugin.results.cryodrgn_decoder import open_cryodrgn_source
from gem_plugin.results.decoder import open_volume_source
from gem_plugin.steps.landscape.cryodrgn_layout import write_full_layout
from gem_plugin.steps.landscape_full.coordinates import find_coordinates, measure_all_regions
from gem_plugin.steps.landscape_full.free_energy import map_energy, travel_path
from gem_plugin.steps.landscape_full.job import FullLandscapeJob
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings, check_full_settings
from gem_plugin.steps.landscape_full.states import group_particles, write_full_states


def run_landscape_full(run: RunFiles, settings: LandscapeFullSettings, progress: Progress) -> dict[str, Any]:
    """The landscape of all particles of a run whose sketch is done."""
    check_full_settings(settings)
    files = LandscapeFiles(settings.landscape_dir or run.landscape)
    basis = load_basis(files)
    source = _open_source(run, basis, settings.device)
    return map_full_landscape(source, basis, files, run, settings, progress)


def map_full_landscape(
    source: VolumeSource,
    basis: SketchBasis,
    files: LandscapeFiles,
    run: RunFiles,
    settings: LandscapeFullSettings,
    progress: Progress,
) -> dict[str, Any]:
    """All parts, for any source of maps."""
    basis.check_source(source)
    n_components = len(basis.pca.components)
    settings = dataclasses.replace(
        settings, energy_pcs=tuple(number for number in settings.energy_pcs if number <= n_components)
    )
    full = FullLandscapeFiles(settings.outdir or files.root / "full")
    job = FullLandscapeJob(source, basis, full, run, settings, progress)
    coordinates, method, error = find_coordinates(job)
    regions = measure_all_regions(job)
    states = group_particles(job, coordinates)
    table = write_full_states(job, coordinates, states, regions)
    landscape, energy_numbers = map_energy(job, coordinates)
    barrier = travel_path(job, coordinates, states.merged, landscape)
    write_notebook(full.notebook, run.root, files.root, full.root)
    if settings.cryodrgn_layout:
        write_full_layout(run.root, full, job.figures, source.latents)
    return {
        "particles": source.n_particles,
        "components": n_components,
        "coordinates_by": method,
        **({"test_error_of_first_component": round(error, 4)} if error is not None else {}),
        "states": int(states.merged.max()),
        "leiden_states": 0 if states.leiden is None else int(states.leiden.max()),
        "largest_state_share": round(float(table["particles"].max() / source.n_particles), 4),
        **energy_numbers,
        **({"barrier_in_kt": round(barrier, 3)} if barrier is not None else {}),
    }


def _open_source(run: RunFiles, basis: SketchBasis, device: str) -> VolumeSource:
    """The model that the landscape was made with: the run's own, or a cryoDRGN run's."""
    grid = (basis.box_size, basis.pixel_size_in_angstroms, basis.is_flipped)
    made_with = read_run_settings(run).get("landscape", {})
    if "workdir" in made_with:
        return open_cryodrgn_source(Path(made_with["workdir"]), made_with["epoch"], *grid, device)
    return open_volume_source(run, *grid, device)
