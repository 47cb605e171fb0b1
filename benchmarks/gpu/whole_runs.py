"""Whole runs on a device, as a user would: igg1d at 128 px made, trained, scored, mapped and reconstructed; wrong poses; tilt series."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from truth.known_truth import read_truth
from truth.pose_scores import score_poses
from truth.score import STEPS_OF_TRAINING, score_maps
from truth.sets import SETS, MadeSet, ensure_set

from gem_plugin.heterogeneity.observations import IMAGES_OF_A_STEP
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.exact_coordinates import component_functionals, exact_functionals
from gem_plugin.pipeline.logged_progress import LoggedProgress
from gem_plugin.pipeline.run_steps import run_steps
from gem_plugin.progress import Progress
from gem_plugin.results.components import VolumeComponents
from gem_plugin.results.decoder import MapGrid
from gem_plugin.results.run import Run
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate
from gpu.phases import TimedPhases
from gpu.rates import timed

N_MAPS = 1000
N_PLACED = 100_000  # particles that get exact coordinates, the set's own repeated


def make_set(work: Path, shared: Path, n_particles: int, box: int, n_pieces: int) -> Path:
    """The set, in pieces side by side."""
    made = MadeSet(f"igg1d_{box}", "igg1d", "", n_particles, box, 384 / box, 30.0 if box > 64 else 10.0)
    return ensure_set(work, shared, made, n_particles, 0, n_pieces)


def train_and_score(dataset: Path, folder: Path, device: str, settings: dict[str, Any]) -> dict[str, Any]:
    """prepare, consensus and train, each timed; both FSC metrics with maps of the device."""
    run = RunFiles(folder)
    row = trained(dataset / "particles.star", dataset, run, device, settings)
    with timed(row, "scoring_seconds"):
        truth, opened = read_truth(dataset), Run(run)
        decode = opened.decoder(MapGrid(), device).maps_for_files
        row |= score_maps(truth, opened.latents, decode, read_map(dataset / "consensus.mrc").volume)
    return row


def trained(
    particles: Path, dataset: Path, run: RunFiles, device: str, settings: dict[str, Any]
) -> dict[str, Any]:
    """What the three steps took, and some numbers of the training."""
    run.root.mkdir(parents=True, exist_ok=True)
    progress = LoggedProgress(run.log, io.StringIO())
    values = {"particles": particles, "map": dataset / "consensus.mrc", "device": device}
    row: dict[str, Any] = {}
    for number, step in enumerate(STEPS_OF_TRAINING, start=1):
        with timed(row, f"{step}_seconds"):
            numbers = run_steps(STEPS_OF_TRAINING[:number], run, {**values, **settings}, progress)
    numbers = numbers["train"]
    return row | {name: numbers[name] for name in ("epochs", "particles_per_second", "gaussians", "loss")}


def make_set_with_wrong_poses(work: Path, shared: Path, n_particles: int, n_pieces: int) -> Path:
    """Poses off by 3 degrees about each axis and 2 A along each; 64 px."""
    return ensure_set(work, shared, SETS["pose"], n_particles, 0, n_pieces)


def refine_poses(dataset: Path, folder: Path, device: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Default training of particles whose poses are off; the errors of the poses before and after."""
    run = RunFiles(folder)
    row = trained(dataset / "particles.star", dataset, run, device, settings)
    return row | score_poses(read_truth(dataset), Run(run))


def make_tilt_series(work: Path, n_particles: int, box: int) -> Path:
    """The phantom's turning arm in 41 tilts, as 2D stacks of RELION 5."""
    out = work / "tilt_series"
    size = {"n_particles": n_particles, "box": box, "pixel_size": 384 / box}
    run_simulate(
        SimulateSettings(out=out, tilt_series=True, tilt_form="relion5", fewest_tilts=41, snr=0.01, **size),  # type: ignore[arg-type]
        Progress(io.StringIO()),
    )
    return out


def train_tilt_series(dataset: Path, folder: Path, device: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Training of particles with many images; images a second."""
    row = trained(dataset / "relion5" / "optimisation_set.star", dataset, RunFiles(folder), device, settings)
    return row | {"images_per_second": row["particles_per_second"] * IMAGES_OF_A_STEP}


def map_landscape(
    folder: Path, device: str, n_maps: int = N_MAPS, n_placed: int = N_PLACED
) -> dict[str, Any]:
    """1,000 maps decoded; the landscape of the run, in its phases; exact coordinates of 100,000 particles."""
    run = RunFiles(folder)
    progress = TimedPhases(run.log, io.StringIO())
    opened = Run(run)
    row: dict[str, Any] = {}
    source = opened.decoder(MapGrid(), device)
    rows = np.arange(n_maps) % len(opened.latents)
    with timed(row, f"seconds_of_{n_maps}_maps"):
        for _ in source.decode(opened.latents[rows]):
            pass
    with timed(row, f"seconds_of_{n_maps}_maps_left_on_the_device"):
        float(sum(volume.max() for volume in source.maps_on_device(opened.latents[rows])))
    settings = {"device": device, "sketch_size": n_maps, "skip_umap": True, "n_states": 10}
    with timed(row, "landscape_seconds"):
        run_steps(("landscape",), run, settings, progress)
    row["phases"] = progress.rows(row["landscape_seconds"])
    basis = VolumeComponents.load(run.landscape)
    weight_maps, _ = component_functionals(basis.pca, basis.mask)
    source = opened.decoder(None, device)
    latents = np.resize(opened.latents, (n_placed, opened.latents.shape[1]))
    many = replace(source, latents=latents)
    with timed(row, f"seconds_of_{n_placed}_coordinates"):
        exact_functionals(many, weight_maps, Progress(io.StringIO()).track, "coordinates")
    return row


def reconstruct(folder: Path, device: str) -> dict[str, Any]:
    """Half-maps of all particles."""
    run = RunFiles(folder)
    progress = LoggedProgress(run.log, io.StringIO())
    one_state = folder / "one_state.npy"
    np.save(one_state, np.ones(len(Run(run).latents), np.int64))
    row: dict[str, Any] = {"particles": len(Run(run).latents)}
    with timed(row, "reconstruct_seconds"):
        run_steps(("reconstruct",), run, {"device": device, "particle_states": one_state}, progress)
    return row
