"""Training that ends by its held-out particles: the same when it is interrupted, in two processes, and for half-sets."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from run_to_train import N_PARTICLES, copy_of, run_to_train

from gem_plugin.heterogeneity import training_plan
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.run_steps import run_steps
from gem_plugin.progress import Progress
from gem_plugin.steps.train.step import run_train
from gem_plugin.units import ANNEALING, CONSTANT, ONE_CYCLE, RISING

SMALL = {
    "refine_poses": False,
    "batch_size": 16,
    "anchors": 24,
    "encoder_width": 32,
    "encoder_box": 16,
    "n_basis": 6,
    "validation_fraction": 0.35,
}
LENGTHS = {
    "SHORTEST_VISITS": 7 * N_PARTICLES,
    "LONGEST_VISITS": 12 * N_PARTICLES,
    "VISITS_BETWEEN_CHECKS": 30,
    "VISITS_PER_HELD_OUT_PARTICLE": 0,
}
LIMITS = {"SHORTEST_EPOCHS": (1, 100), "LONGEST_EPOCHS": (1, 100)}
IN_ANOTHER_PROCESS = f"""
from gem_plugin.heterogeneity import training_plan
for name, value in { {**LENGTHS, **LIMITS}!a}.items():
    setattr(training_plan, name, value)
from gem_plugin.cli.main import main
raise SystemExit(main())
"""


@pytest.fixture(scope="module")
def short_lengths():
    """Limits of a training for a set of seconds."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**LENGTHS, **LIMITS}.items():
            patch.setattr(training_plan, name, value)
        yield


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    return run_to_train(tmp_path_factory.mktemp("train"))


def history_of(run: RunFiles) -> list[dict[str, str]]:
    with open(run.history, encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


class Heard(Progress):
    """Keeps what it says."""

    def __init__(self, **others) -> None:
        super().__init__(**others)
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


@pytest.fixture(scope="module")
def trained(prepared, short_lengths, tmp_path_factory) -> tuple[RunFiles, Heard, dict]:
    run = copy_of(prepared, tmp_path_factory.mktemp("trained") / "run")
    progress = Heard()
    numbers = run_train(run, TrainSettings(**SMALL), progress)
    return run, progress, numbers


def test_training_goes_through_its_stages_and_says_why_it_ended(trained):
    run, progress, numbers = trained
    history = history_of(run)
    assert 7 <= len(history) <= 12
    stages = [int(row["stage"]) for row in history]
    assert stages == sorted(stages)
    assert set(stages) == {RISING, CONSTANT, ANNEALING}
    assert float(history[-1]["learning_rate"]) == 0
    assert numbers["epochs"] == len(history)
    assert numbers["visits"] == N_PARTICLES * len(history)
    assert numbers["ended_by"] in ("converged", "limit")
    assert numbers["ended"] in progress.lines
    assert numbers["gain_error"] > 0


def test_the_time_left_is_a_limit_until_the_end_is_known(trained):
    run, progress, _ = trained
    lines = [line for line in progress.lines if line.startswith("Epoch") and " left" in line]
    stages = [int(row["stage"]) for row in history_of(run)]
    for line, stage in zip(lines, stages, strict=True):
        assert (", up to 1 min left" in line) == (stage != ANNEALING)
    assert sum("the learning rate falls to 0 until epoch" in line for line in progress.lines) == 1


@pytest.mark.parametrize("n_before", [1, 5, 6])
def test_a_training_stopped_before_or_after_its_decision_goes_on_to_the_same_bits(
    prepared, trained, short_lengths, tmp_path: Path, n_before: int
):
    run = copy_of(prepared, tmp_path / "run")

    class Stopped(Exception):
        pass

    def stop() -> None:
        if run.history.exists() and len(history_of(run)) == n_before:
            raise Stopped

    with pytest.raises(Stopped):
        run_train(run, TrainSettings(**SMALL), Progress(check_stop=stop))
    numbers = run_train(run, TrainSettings(**SMALL, resume=True), Progress())
    assert numbers["ended"] == trained[2]["ended"]
    assert np.array_equal(np.load(run.latents), np.load(trained[0].latents))


def test_two_processes_decide_as_one(prepared, trained, tmp_path: Path):
    run = copy_of(prepared, tmp_path / "run")
    program = tmp_path / "train.py"
    program.write_text(IN_ANOTHER_PROCESS)
    flags = [f"--validation-fraction={SMALL['validation_fraction']}", "--no-refine-poses", "--batch-size=16"]
    flags += ["--anchors=24", "--qdim=32", "--encoder-box=16", "--n-basis=6"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", program]
    done = subprocess.run(
        [*command, "train", run.root, *flags],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    summary = json.loads(run.summary.read_text())["train"]
    assert summary["gain_in_nats"] == pytest.approx(trained[2]["gain_in_nats"], abs=0.05)
    assert 7 <= len(history_of(run)) == summary["epochs"] <= 12
    manifest = json.loads(run.manifest.read_text())["train"]
    assert manifest["ended"] == summary["ended"]


def test_half_sets_train_as_long_as_the_whole_set(prepared, short_lengths, tmp_path: Path):
    run = copy_of(prepared, tmp_path / "run")
    numbers = run_train(run, TrainSettings(**SMALL, halves=True), Progress())
    for half in (1, 2):
        content = torch.load(run.root / f"train/half{half}/train/checkpoint.pt", weights_only=True)
        assert content["epoch"] == pytest.approx(2 * numbers["epochs"], abs=1)


def test_requested_epochs_are_one_cycle_and_are_not_judged(prepared, tmp_path: Path):
    run = copy_of(prepared, tmp_path / "run")
    numbers = run_train(run, TrainSettings(**SMALL, epochs=2), Progress())
    assert [int(row["stage"]) for row in history_of(run)] == [ONE_CYCLE] * 2
    assert numbers["ended_by"] == "requested"
    assert numbers["gain_in_nats"] is None


def test_a_checkpoint_of_an_earlier_version_goes_on_with_its_one_cycle(prepared, tmp_path: Path):
    whole = copy_of(prepared, tmp_path / "whole")
    run_train(whole, TrainSettings(**SMALL, epochs=3), Progress())
    run = copy_of(prepared, tmp_path / "run")

    class Stopped(Exception):
        pass

    def stop() -> None:
        if run.history.exists() and len(history_of(run)) == 1:
            raise Stopped

    with pytest.raises(Stopped):
        run_train(run, TrainSettings(**SMALL, epochs=3), Progress(check_stop=stop))
    content = torch.load(run.checkpoint, weights_only=True)
    del content["plan"]
    for record in content["history"]:
        del record["stage"]
    torch.save({**content, "n_epochs": 3}, run.checkpoint)
    run_train(run, TrainSettings(**SMALL, epochs=3, resume=True), Progress())
    assert np.array_equal(np.load(run.latents), np.load(whole.latents))


def test_an_earlier_training_of_automatic_length_is_finished_as_it_began(prepared, tmp_path, monkeypatch):
    from gem_plugin.heterogeneity import settings as train_settings

    monkeypatch.setattr(train_settings, "MAXIMUM_EPOCHS", 2)
    monkeypatch.setattr(train_settings, "MINIMUM_EPOCHS", 1)
    run = copy_of(prepared, tmp_path / "run")
    run_train(run, TrainSettings(**SMALL, epochs=2), Progress())
    content = torch.load(run.checkpoint, weights_only=True)
    del content["plan"]
    torch.save(content, run.checkpoint)
    numbers = run_train(run, TrainSettings(**SMALL, resume=True), Progress())
    assert (numbers["epochs"], numbers["ended_by"]) == (2, "fixed")


def test_the_manifest_and_the_log_say_why_training_ended(prepared, tmp_path: Path):
    run = copy_of(prepared, tmp_path / "run")
    progress = Heard()
    numbers = run_steps(("train",), run, {**SMALL, "epochs": 1}, progress)["train"]
    assert json.loads(run.manifest.read_text())["train"]["ended"] == numbers["ended"]
    assert sum(numbers["ended"] in line for line in progress.lines) == 1
