"""landscape-full: exact coordinates of every particle, states of all, free energy, the path between two states."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.landscape_files import FullLandscapeFiles, LandscapeFiles
from gem_plugin.io.run_files import RunFiles
from gem_plugin.io.run_settings import read_run_settings
from gem_plugin.landscape.particle_states import leiden_is_installed
from gem_plugin.landscape.states import LINKAGES
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.reports.notebook import write_notebook
from gem_plugin.settings import setting
from gem_plugin.steps.cryodrgn_layout import write_full_layout
from gem_plugin.steps.cryodrgn_runs import open_cryodrgn_source
from gem_plugin.steps.full_coordinates import SketchBasis, find_coordinates, load_basis, measure_all_regions
from gem_plugin.steps.full_energy import map_energy, travel_path
from gem_plugin.steps.full_states import group_particles, write_full_states
from gem_plugin.steps.landscape_job import FullLandscapeJob
from gem_plugin.steps.region_masks import check_region_names
from gem_plugin.steps.volume_sources import open_volume_source


@dataclass(frozen=True)
class LandscapeFullSettings:
    """How to place, group and connect all particles."""

    landscape_dir: Path | None = setting(None, "Folder of the landscape step; default: landscape in the run.")
    outdir: Path | None = setting(None, "Folder for the results; default: full in that folder.", flag="-o")
    coordinates: str = setting(
        "auto",
        "How coordinates are found: exact (Gaussians), decode (every map), regress (learned from some maps), or the "
        "first of them that is possible and affordable.",
        choices=("auto", "exact", "decode", "regress"),
    )
    training_volumes: int = setting(
        10000, "Maps to learn from with regress, or to decode at most with auto.", minimum=20, flag="-N"
    )
    epochs: int = setting(200, "Training epochs of regress, at most.", minimum=1)
    batch_size: int = setting(64, "Training batch of regress.", minimum=1)
    lr: float = setting(1e-3, "Training rate of regress.", minimum=1e-7)
    dim: int = setting(512, "Width of the layers of regress.", minimum=1)
    layers: int = setting(3, "Number of layers of regress.", minimum=1)
    n_states: str = setting("10", "Number of states, or auto.", flag="-M")
    linkage: str = setting("ward", "How groups are merged.", choices=LINKAGES)
    leiden: bool = setting(True, "Leiden communities too, where the package igraph is installed.")
    num_neighbors: int = setting(50, "Neighbours of a particle in UMAP and Leiden.", minimum=2)
    resolution: float = setting(1.5, "Resolution of Leiden: larger gives more communities.", minimum=0.001)
    maps_per_state: int = setting(50, "Particles whose maps make the mean of a state; 0: no maps.", minimum=0)
    energy_pcs: tuple[int, ...] = setting((1, 2), "Components of the free-energy map, from 1.")
    bandwidth: float = setting(
        0.5,
        "Kernel width of the density over Scott's rule, which is too wide for several peaks.",
        minimum=0.01,
    )
    bootstrap: int = setting(100, "Samples for the error of the free energy.", minimum=2)
    path_states: tuple[int, ...] = setting(
        (1, 2), "The two states that the path joins; states as found here."
    )
    path_points: int = setting(20, "Maps along the path; 0: no path.", minimum=0)
    region: tuple[str, ...] = setting((), "Regions as name=mask.mrc: occupancy and motion of every particle.")
    skip_umap: bool = setting(False, "Leave out UMAP.")
    cryodrgn_layout: bool = setting(False, "Also write landscape_full as cryoDRGN does, pickles included.")
    skip_vol: bool = setting(False, "Use the coordinates of the last run; stop if they no longer fit.")
    device: str = setting("auto", "auto, cpu, cuda or cuda:N; several divided by commas share the decoding.")
    seed: int = setting(0, "Seed of everything random.", minimum=0)


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


def check_full_settings(settings: LandscapeFullSettings) -> None:
    """Refuse what cannot work before anything is read."""
    if settings.n_states != "auto" and not (settings.n_states.isdigit() and int(settings.n_states) > 0):
        raise InputError(f"-M is {settings.n_states!r}; expected a whole number of states, or auto.")
    if not settings.energy_pcs or len(settings.energy_pcs) > 2 or min(settings.energy_pcs) < 1:
        raise InputError("--energy-pcs: expected one or two components counted from 1, such as 1,2.")
    if len(set(settings.energy_pcs)) != len(settings.energy_pcs):
        raise InputError("--energy-pcs: the two components must differ.")
    if settings.path_points and len(set(settings.path_states)) != 2:
        raise InputError("--path-states: expected two different states, such as 1,2.")
    check_region_names(settings.region)


def leiden_wanted(settings: LandscapeFullSettings, progress: Progress) -> bool:
    """Whether Leiden communities are wanted and possible; says why not."""
    if settings.leiden and not leiden_is_installed():
        progress.say(
            "Leiden communities are left out: the optional package igraph is not installed (pip install igraph)."
        )
    return settings.leiden and leiden_is_installed()
