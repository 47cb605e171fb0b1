"""A run with prepared images and a consensus, small enough to train in seconds."""

import shutil
from pathlib import Path

from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

N_PARTICLES = 160


def run_to_train(folder: Path) -> RunFiles:
    """The run in folder/run, its data in folder/data."""
    run_simulate(
        SimulateSettings(out=folder / "data", n_particles=N_PARTICLES, box=24, pixel_size=11.0, snr=0.2),
        Progress(),
    )
    run = RunFiles(folder / "run")
    particles, volume = folder / "data/particles.star", folder / "data/consensus.mrc"
    run_prepare(run, PrepareSettings(particles=particles, map=volume), Progress())
    run_consensus(run, ConsensusSettings(map=volume, fit_images=320), Progress())
    return run


def copy_of(run: RunFiles, folder: Path) -> RunFiles:
    shutil.copytree(run.root, folder)
    return RunFiles(folder)
