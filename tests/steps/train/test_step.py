"""Training as a step, on a set small enough for seconds: repeatable, resumable, the same in two processes."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from run_to_train import copy_of, run_to_train
from two_processes import run_in_two_processes

from gem_plugin.errors import InputError
from gem_plugin.heterogeneity.settings import TrainSettings, number_of_epochs
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.steps.train import images as training_data
from gem_plugin.steps.train.step import run_train

SMALL = {
    "refine_poses": False,
    "epochs": 2,
    "batch_size": 16,
    "anchors": 24,
    "encoder_width": 32,
    "encoder_box": 16,
    "n_basis": 6,
}
FLAGS = [
    "--no-refine-poses",
    "--epochs",
    "2",
    "--batch-size",
    "16",
    "--anchors",
    "24",
    "--qdim",
    "32",
    "--encoder-box",
    "16",
    "--n-basis",
    "6",
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    return run_to_train(tmp_path_factory.mktemp("train"))


def history_of(run: RunFiles) -> list[dict[str, str]]:
    with open(run.history, encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def trained(prepared: RunFiles, tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    run = copy_of(prepared, tmp_path_factory.mktemp("trained") / "run")
    run_train(run, TrainSettings(**SMALL), Progress())
    return run


def test_every_particle_gets_latents_and_the_loss_falls(trained: RunFiles):
    latents, deviations = np.load(trained.latents), np.load(trained.latents_std)
    assert latents.shape == deviations.shape == (160, 4)
    assert np.isfinite(latents).all()
    assert (deviations > 0).all()
    losses = [float(row["loss"]) for row in history_of(trained)]
    assert losses[1] < losses[0]
    assert trained.particles(".star").exists()


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(prepared, trained, tmp_path: Path):
    again = copy_of(prepared, tmp_path / "again")
    run_train(again, TrainSettings(**SMALL), Progress())
    assert np.array_equal(np.load(again.latents), np.load(trained.latents))
    other = copy_of(prepared, tmp_path / "other")
    run_train(other, TrainSettings(**SMALL, seed=1), Progress())
    assert not np.array_equal(np.load(other.latents), np.load(trained.latents))


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(prepared, trained, tmp_path: Path, monkeypatch):
    run = copy_of(prepared, tmp_path / "run")

    class Stopped(Exception):
        pass

    def stop_in_the_second_epoch() -> None:
        if run.checkpoint.exists():
            raise Stopped

    with pytest.raises(Stopped):
        run_train(run, TrainSettings(**SMALL), Progress(check_stop=stop_in_the_second_epoch))
    assert len(history_of(run)) == 1
    run_train(run, TrainSettings(**SMALL, resume=True), Progress())
    assert np.array_equal(np.load(run.latents), np.load(trained.latents))


@pytest.mark.parametrize("cache", ["memory", "disk"])
def test_images_from_memory_or_disk_train_the_same(prepared, trained, tmp_path: Path, cache: str):
    run = copy_of(prepared, tmp_path / "run")
    run_train(run, TrainSettings(**SMALL, cache=cache), Progress())
    assert np.allclose(np.load(run.latents), np.load(trained.latents), atol=1e-4)


def test_two_processes_give_the_losses_of_one(prepared: RunFiles, trained: RunFiles, tmp_path: Path):
    run = copy_of(prepared, tmp_path / "run")
    printed = run_in_two_processes("train", run.root, *FLAGS)
    for one, two in zip(history_of(trained), history_of(run), strict=True):
        for name in ("loss", "kl", "validation_loss"):
            assert float(two[name]) == pytest.approx(float(one[name]), rel=2e-3, abs=2e-3)
    assert printed.count("Epoch 2:") == 1  # only one process speaks


def test_a_stop_between_checkpoint_and_history_leaves_no_gap(trained: RunFiles, tmp_path: Path):
    run = copy_of(trained, tmp_path / "run")
    lines = run.history.read_text().splitlines(keepends=True)
    run.history.write_text("".join(lines[:-1]))
    run_train(run, TrainSettings(**SMALL, resume=True), Progress())
    assert run.history.read_text() == "".join(lines)


def test_refined_latents_fit_their_images_better(prepared: RunFiles, trained: RunFiles, tmp_path: Path):
    run = copy_of(prepared, tmp_path / "run")
    numbers = run_train(run, TrainSettings(**SMALL, refine_latents=True), Progress())
    assert numbers["refinement_gain"] > 0
    assert not np.array_equal(np.load(run.latents), np.load(trained.latents))


def test_halves_train_apart_and_report_their_agreement(prepared: RunFiles, tmp_path: Path):
    run = copy_of(prepared, tmp_path / "run")
    numbers = run_train(run, TrainSettings(**SMALL, halves=True), Progress())
    assert 0.9 < numbers["halves_map_agreement"] <= 1  # one consensus, little training: nearly the same maps
    assert (run.root / "train/halves.json").exists()
    for half in (1, 2):
        content = torch.load(run.root / f"train/half{half}/train/checkpoint.pt", weights_only=True)
        assert content["epoch"] == 2
    first, second = (np.load(run.root / f"train/half{half}/latents.npy") for half in (1, 2))
    assert first.shape == second.shape == (160, 4)
    assert not np.array_equal(first, second)


def test_halves_without_half_sets_are_refused_before_training(prepared: RunFiles, tmp_path: Path):
    run = copy_of(prepared, tmp_path / "run")
    with np.load(run.prepared_table) as saved:
        values = {name: saved[name] for name in saved.files}
    np.savez(run.prepared_table, **{**values, "half_sets": np.zeros(160, np.int8)})
    with pytest.raises(InputError, match="0 in half-set 1 and 0 in half-set 2"):
        run_train(run, TrainSettings(**SMALL, halves=True), Progress())
    assert not run.checkpoint.exists()


def test_a_truncated_checkpoint_is_refused_with_a_remedy(trained: RunFiles, tmp_path: Path):
    run = copy_of(trained, tmp_path / "run")
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"not a whole checkpoint.*train again"):
        run_train(run, TrainSettings(**SMALL, resume=True), Progress())


def test_a_checkpoint_of_another_version_or_shape_is_refused(trained: RunFiles, tmp_path: Path):
    run = copy_of(trained, tmp_path / "run")
    with pytest.raises(InputError, match="latent_size 4 there, 3 now"):
        run_train(run, TrainSettings(**SMALL, latent_size=3, resume=True), Progress())
    content = torch.load(run.checkpoint, weights_only=True)
    torch.save({**content, "version": 99}, run.checkpoint)
    with pytest.raises(InputError, match="checkpoint version 99"):
        run_train(run, TrainSettings(**SMALL, resume=True), Progress())


def test_a_device_that_is_not_there_is_refused(prepared: RunFiles):
    with pytest.raises(InputError, match="CUDA devices"):
        run_train(prepared, TrainSettings(device="cuda:99"), Progress())
    with pytest.raises(InputError, match="expected auto, cpu, cuda"):
        run_train(prepared, TrainSettings(device="abacus"), Progress())


def test_memory_that_will_not_suffice_is_said_before_the_start(prepared: RunFiles, monkeypatch):
    monkeypatch.setattr(training_data, "free_memory_in_bytes", lambda device: 200_000.0)
    with pytest.raises(InputError, match=r"160 particles of 24 pixels need 0\.0 GB.*--cache disk"):
        run_train(prepared, TrainSettings(**SMALL, cache="memory"), Progress())
    monkeypatch.setattr(training_data, "free_memory_in_bytes", lambda device: 10_000.0)
    with pytest.raises(InputError, match="fewer --anchors"):
        run_train(prepared, TrainSettings(**SMALL), Progress())


def test_small_sets_get_more_epochs_than_large_ones():
    settings = TrainSettings()
    counts = [number_of_epochs(settings, n) for n in (500, 3_000, 12_000, 100_000, 1_000_000)]
    assert counts == [100, 100, 25, 10, 10]


def test_fewer_threads_of_numba_than_processors_are_no_error():
    code = "from gem_plugin.devices import set_threads; import numba; set_threads(2); print(numba.get_num_threads())"
    environment = {**os.environ, "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.stdout.strip() == "1", done.stderr[-2000:]
