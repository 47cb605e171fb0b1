"""What training leaves for every particle beside its latents: contrasts, outliers, refined poses; interrupted, in several processes, off."""

import shutil
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from two_processes import run_in_two_processes

from gem_plugin.errors import RunError
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate
from gem_plugin.steps.train.matches import check_outliers
from gem_plugin.steps.train.step import run_train

SMALL = {"epochs": 3, "batch_size": 32, "anchors": 24, "encoder_width": 32, "encoder_box": 16, "n_basis": 6}
FLAGS = [
    "--epochs",
    "3",
    "--batch-size",
    "32",
    "--anchors",
    "24",
    "--qdim",
    "32",
    "--encoder-box",
    "16",
    "--n-basis",
    "6",
]
N_PARTICLES, POSE_ERROR_IN_DEGREES = 400, 6.0


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    """A run whose given poses are off, every tenth image noise alone, ready to train."""
    folder = tmp_path_factory.mktemp("matches")
    simulation = SimulateSettings(
        out=folder / "data",
        n_particles=N_PARTICLES,
        box=32,
        pixel_size=8.0,
        snr=0.3,
        conformations=1,
        pose_error=POSE_ERROR_IN_DEGREES,
    )
    run_simulate(simulation, Progress())
    particles, volume = folder / "data/particles.star", folder / "data/consensus.mrc"
    with mrcfile.mmap(next(folder.glob("data/*.mrcs")), mode="r+") as stack:
        noise = np.random.default_rng(0).standard_normal(stack.data[::10].shape)
        stack.data[::10] = (noise * stack.data.std()).astype(np.float32)
    run = RunFiles(folder / "run")
    run_prepare(run, PrepareSettings(particles=particles, map=volume), Progress())
    run_consensus(run, ConsensusSettings(map=volume, fit_images=800), Progress())
    return run


def trained_copy(run: RunFiles, folder: Path, **changes) -> RunFiles:
    shutil.copytree(run.root, folder)
    copied = RunFiles(folder)
    run_train(copied, TrainSettings(**{**SMALL, **changes}), Progress())
    return copied


@pytest.fixture(scope="module")
def trained(prepared: RunFiles, tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    return trained_copy(prepared, tmp_path_factory.mktemp("trained") / "run")


def test_the_noise_images_are_the_outliers(trained: RunFiles):
    outliers = np.load(trained.outliers)
    is_noise = np.arange(N_PARTICLES) % 10 == 0
    assert outliers.shape == (N_PARTICLES,)
    assert outliers[is_noise].min() > 0.5 > outliers[~is_noise].max()


def test_the_refined_poses_say_how_far_the_given_ones_were_off(trained: RunFiles):
    found = np.load(trained.refined_poses)
    assert found["rotation_vectors"].shape == (N_PARTICLES, 3)
    assert found["shifts_in_angstroms"].shape == (N_PARTICLES, 2)
    assert found["is_capped"].dtype == bool
    assert found["spread"][0] == pytest.approx(POSE_ERROR_IN_DEGREES / 3**0.5, rel=0.5) or found["spread"][
        0
    ] == pytest.approx(POSE_ERROR_IN_DEGREES, rel=0.5)


def test_a_training_that_was_stopped_goes_on_to_the_same_bits(prepared, trained, tmp_path: Path):
    shutil.copytree(prepared.root, tmp_path / "run")
    run = RunFiles(tmp_path / "run")

    class Stopped(Exception):
        pass

    def stop_in_the_second_epoch() -> None:
        if run.checkpoint.exists():
            raise Stopped

    with pytest.raises(Stopped):
        run_train(run, TrainSettings(**SMALL), Progress(check_stop=stop_in_the_second_epoch))
    run_train(run, TrainSettings(**SMALL, resume=True), Progress())
    for path, other in ((run.latents, trained.latents), (run.outliers, trained.outliers)):
        assert np.array_equal(np.load(path), np.load(other))
    one, two = np.load(run.refined_poses), np.load(trained.refined_poses)
    assert np.array_equal(one["rotation_vectors"], two["rotation_vectors"])


def test_two_processes_find_what_one_finds(prepared: RunFiles, trained: RunFiles, tmp_path: Path):
    shutil.copytree(prepared.root, tmp_path / "run")
    run = RunFiles(tmp_path / "run")
    run_in_two_processes("train", run.root, *FLAGS)
    one, two = np.load(trained.refined_poses), np.load(run.refined_poses)
    assert two["spread"] == pytest.approx(one["spread"], rel=0.02)
    assert np.abs(one["rotation_vectors"] - two["rotation_vectors"]).max() < 0.02
    assert np.abs(np.load(run.outliers) - np.load(trained.outliers)).max() < 0.05


def test_both_can_be_turned_off(prepared: RunFiles, trained: RunFiles, tmp_path: Path):
    shutil.copytree(trained.root, tmp_path / "run")
    run = RunFiles(tmp_path / "run")
    run_train(run, TrainSettings(**SMALL, refine_poses=False, outliers=False), Progress())
    assert run.contrasts.exists()
    assert not run.outliers.exists()
    assert not run.refined_poses.exists()


def test_the_poses_of_the_table_stay_those_that_were_given(prepared: RunFiles, trained: RunFiles):
    one, two = load_prepared(prepared).table, load_prepared(trained).table
    assert np.array_equal(one.rotation_matrices, two.rotation_matrices)


def test_a_set_of_outliers_alone_stops_with_a_sentence():
    check_outliers(0.4)
    with pytest.raises(RunError, match="97% of the particles look like noise"):
        check_outliers(0.97)
