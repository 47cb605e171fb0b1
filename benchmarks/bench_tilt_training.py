"""Training on simulated tilt series: the angle of a turning arm from the latents, and images per second beside single particles.

python benchmarks/bench_tilt_training.py [--particles 600] [--snr 0.004] [--epochs 40] [--folder FOLDER]

64 px of 4 A, 41 tilts of which a particle has 6 to all, premultiplied 16-bit stacks of RELION 5. --snr is that of one tilt image. The
angle is predicted from the latents of the ten nearest of other particles. Rates are of whole epochs, per second and per second of
processor time, on the tilt images and on the same images as particles of their own.
"""

import argparse
import io
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsRegressor

from gem_plugin.heterogeneity.observations import IMAGES_OF_A_STEP, Observations
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate
from gem_plugin.steps.train.images import observations_of, observations_of_tilts
from gem_plugin.steps.train.setup import make_trainer, read_consensus
from gem_plugin.steps.train.step import run_train

SINGLE_IMAGES, EPOCHS_MEASURED = 6400, 3


def simulated_run(folder: Path, n_particles: int, snr: float) -> RunFiles:
    settings = SimulateSettings(
        out=folder / "data",
        tilt_series=True,
        tilt_form="relion5",
        n_particles=n_particles,
        box=64,
        pixel_size=4.0,
        atom_width=2.5,
        snr=snr,
        float16=True,
    )
    run_simulate(settings, Progress(io.StringIO()))
    run, volume = RunFiles(folder / "run"), folder / "data" / "consensus.mrc"
    particles = folder / "data" / "relion5" / "optimisation_set.star"
    run_prepare(run, PrepareSettings(particles=particles, map=volume), Progress(io.StringIO()))
    run_consensus(run, ConsensusSettings(map=volume), Progress(io.StringIO()))
    return run


def angle_errors(run: RunFiles, truth_file: Path) -> str:
    with np.load(truth_file) as truth:
        angles = np.deg2rad(truth["angles_in_degrees"][truth["which"]])
        counts = np.bincount(truth["image_particles"])
    on_circle = np.stack([np.cos(angles), np.sin(angles)], 1)
    neighbours = KNeighborsRegressor(10, weights="distance")
    found = cross_val_predict(neighbours, Run(run).latents, on_circle, cv=10)
    errors = np.rad2deg(np.arctan2(found[:, 1], found[:, 0]) - angles)
    errors = np.abs((errors + 180) % 360 - 180)
    thirds = np.array_split(np.argsort(counts), 3)
    by_count = ", ".join(
        f"{counts[some].min()} to {counts[some].max()} tilts {np.median(errors[some]):.1f}" for some in thirds
    )
    return f"angle recovered to a median of {np.median(errors):.1f} degrees ({by_count})"


def rate(run: RunFiles, observations: Observations, n_rows: int, counts: np.ndarray) -> str:
    """Of the last of a few epochs."""
    settings = TrainSettings(epochs=30, refine_poses=False)
    observations.keep_in_memory()
    quiet = Progress(io.StringIO())
    start = read_consensus(run, settings, observations, quiet)
    trainer, _ = make_trainer(run, settings, observations, start, torch.arange(n_rows), quiet)
    n_images = int(np.minimum(counts[trainer.training_rows.numpy()], IMAGES_OF_A_STEP).sum())
    for _ in range(EPOCHS_MEASURED):
        wall, processor = time.perf_counter(), time.process_time()
        trainer.run_epoch()
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return (
        f"{n_images / wall:,.0f} images per second, {n_images / processor:,.0f} per second of processor time"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--particles", type=int, default=600)
    parser.add_argument("--snr", type=float, default=0.004)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        run = simulated_run(Path(folder), arguments.particles, arguments.snr)
        run_train(run, TrainSettings(epochs=arguments.epochs), Progress(io.StringIO()))
        prepared = load_prepared(run)
        assert prepared.tilts is not None
        print(prepared.tilts.particles.counts)
        print(angle_errors(run, Path(folder) / "data" / "truth.npz"))
        counts = prepared.tilts.particles.image_counts
        print("tilt images:", rate(run, observations_of(prepared), len(counts), counts))
        single = observations_of_tilts(prepared, prepared.tilts, are_single=True)
        single.particle_indices = np.arange(int(counts.sum()))
        n_single = min(SINGLE_IMAGES, int(counts.sum()))
        print("the same as single particles:", rate(run, single, n_single, np.ones(n_single, np.int64)))


if __name__ == "__main__":
    main()
