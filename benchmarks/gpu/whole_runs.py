"""A whole run on a device: igg1d at 128 px made, trained, scored, mapped and reconstructed, as a user would."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from truth.known_truth import read_truth
from truth.score import STEPS_OF_TRAINING, score_maps
from truth.sets import MadeSet, ensure_set

from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.exact_coordinates import component_functionals, exact_functionals
from gem_plugin.pipeline.logged_progress import LoggedProgress
from gem_plugin.pipeline.run_steps import run_steps
from gem_plugin.progress import Progress
from gem_plugin.results.components import VolumeComponents
from gem_plugin.results.decoder import MapGrid
from gem_plugin.results.run import Run
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
    folder.mkdir(parents=True, exist_ok=True)
    progress = LoggedProgress(run.log, io.StringIO())
    values = {"particles": dataset / "particles.star", "map": dataset / "consensus.mrc", "device": device}
    row: dict[str, Any] = {}
    for number, step in enumerate(STEPS_OF_TRAINING, start=1):
        with timed(row, f"{step}_seconds"):
            numbers = run_steps(STEPS_OF_TRAINING[:number], run, {**values, **settings}, progress)
    row |= {name: numbers["train"][name] for name in ("epochs", "particles_per_second", "gaussians", "loss")}
    with timed(row, "scoring_seconds"):
        truth, opened = read_truth(dataset), Run(run)
        decode = opened.decoder(MapGrid(), device).maps_for_files
        row |= score_maps(truth, opened.latents, decode, read_map(dataset / "consensus.mrc").volume)
    return row


def map_landscape(
    folder: Path, device: str, n_maps: int = N_MAPS, n_placed: int = N_PLACED
) -> dict[str, Any]:
    """1,000 maps decoded; the landscape of the run; exact coordinates of 100,000 particles."""
    run = RunFiles(folder)
    progress = LoggedProgress(run.log, io.StringIO())
    opened = Run(run)
    row: dict[str, Any] = {}
    source = opened.decoder(MapGrid(), device)
    rows = np.arange(n_maps) % len(opened.latents)
    with timed(row, f"seconds_of_{n_maps}_maps"):
        for _ in source.decode(opened.latents[rows]):
            pass
    settings = {"device": device, "sketch_size": n_maps, "skip_umap": True, "n_states": 10}
    with timed(row, "landscape_seconds"):
        run_steps(("landscape",), run, settings, progress)
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
