"""The SLURM scripts with an srun, scontrol and sbatch variables of our own: two machines that are both this one."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from run_to_train import copy_of, run_to_train
from two_processes import SECONDS

from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.steps.train.step import run_train

SMALL = {"epochs": 2, "batch_size": 16, "anchors": 24, "encoder_width": 32, "encoder_box": 16, "n_basis": 6}
FLAGS = ["--epochs=2", "--batch-size=16", "--anchors=24", "--qdim=32", "--encoder-box=16", "--n-basis=6"]
SRUN = """#!/bin/bash
# Starts the command once for each machine; where one fails, all are ended, as --kill-on-bad-exit=1 asks.
echo "srun $*" >&2
while [[ $1 == --* ]]; do shift; done
for ((node = 0; node < SLURM_NNODES; node++)); do SLURM_NODEID=$node "$@" & done
for ((node = 0; node < SLURM_NNODES; node++)); do
    wait -n || { code=$?; kill $(jobs -p) 2>/dev/null; wait; exit $code; }
done
"""
SCONTROL = """#!/bin/bash
[ "$1 $2" = "show hostnames" ] || exit 1
for ((node = 0; node < SLURM_NNODES; node++)); do echo localhost; done
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    return run_to_train(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """srun and scontrol, and the programs of the environment that runs the tests."""
    folder = tmp_path / "bin"
    folder.mkdir()
    texts = {
        "srun": SRUN,
        "scontrol": SCONTROL,
        "torchrun": f'#!/bin/bash\nexec "{sys.executable}" -m torch.distributed.run "$@"\n',
        "gem-em": f'#!/bin/bash\nexec "{sys.executable}" -m gem_plugin "$@"\n',
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def submitted(
    script: Path, programs: Path, *arguments: object, **variables: object
) -> subprocess.CompletedProcess[str]:
    """A script as sbatch starts it on the first machine of its job."""
    slurm = {"SLURM_CPUS_PER_TASK": 2, "SLURM_JOB_ID": os.getpid(), "SLURM_JOB_NODELIST": "two", **variables}
    environment = {**os.environ, **{name: str(value) for name, value in slurm.items()}}
    environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
    return subprocess.run(
        ["bash", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=SECONDS,
        cwd=programs.parent,
    )


def losses_of(run: RunFiles) -> list[float]:
    with open(run.history) as handle:
        return [float(row["loss"]) for row in csv.DictReader(handle)]


def test_two_machines_with_two_processes_train_as_one(
    repository: Path, prepared: RunFiles, programs: Path, tmp_path: Path
) -> None:
    alone, run = copy_of(prepared, tmp_path / "one"), copy_of(prepared, tmp_path / "run")
    run_train(alone, TrainSettings(**SMALL), Progress())
    script = repository / "templates/slurm/several_nodes.sh"
    two = {"SLURM_NNODES": 2, "SLURM_GPUS_ON_NODE": 2}
    done = submitted(script, programs, "train", run.root, *FLAGS, **two)
    assert done.returncode == 0, done.stderr[:3000]
    assert "--kill-on-bad-exit=1" in done.stderr
    assert json.loads(run.summary.read_text())["train"]["processes"] == 4
    for mine, theirs in zip(*(losses_of(one) for one in (run, alone)), strict=True):
        assert mine == pytest.approx(theirs, rel=2e-3, abs=2e-3)
    latents = [np.load(path).ravel() for path in (run.latents, alone.latents)]
    assert np.corrcoef(*latents)[0, 1] > 0.999


def test_a_step_that_fails_ends_the_job_on_all_machines(
    repository: Path, prepared: RunFiles, programs: Path, tmp_path: Path
) -> None:
    run = copy_of(prepared, tmp_path / "run")
    script = repository / "templates/slurm/several_nodes.sh"
    done = submitted(script, programs, "landscape-full", run.root, SLURM_NNODES=2)
    assert done.returncode != 0
    lines = (done.stdout + done.stderr).splitlines()
    assert sum(line.startswith("Error: ") for line in lines) == 1, done.stderr[:3000]


def test_an_array_prepares_and_a_last_job_joins(
    repository: Path, prepared: RunFiles, programs: Path, tmp_path: Path
) -> None:
    script, run = repository / "templates/slurm/prepare_parts.sh", RunFiles(tmp_path / "run")
    data = prepared.root.parent / "data"
    arguments = [2, run.root, "--particles", data / "particles.star", "--map", data / "consensus.mrc"]
    for task in (2, 1):
        done = submitted(script, programs, *arguments, SLURM_ARRAY_TASK_ID=task)
        assert done.returncode == 0, done.stderr[:3000]
        assert not run.summary.exists()
    done = submitted(script, programs, *arguments)
    assert done.returncode == 0, done.stderr[:3000]
    assert run.prepared_images.read_bytes()[1024:] == prepared.prepared_images.read_bytes()[1024:]


def test_one_machine_with_several_gpus_resumes_where_there_is_a_checkpoint(
    repository: Path, programs: Path, tmp_path: Path
) -> None:
    script, run = repository / "templates/slurm/train_several_gpus.sh", RunFiles(tmp_path / "run")
    (programs / "torchrun").write_text('#!/bin/bash\necho "$OMP_NUM_THREADS: $*"\n')
    command = "--standalone --nproc-per-node=4 -m gem_plugin train"
    done = submitted(script, programs, run.root, SLURM_GPUS_ON_NODE=4)
    assert done.stdout.strip() == f"1: {command} {run.root}"
    run.checkpoint.parent.mkdir(parents=True)
    run.checkpoint.touch()
    done = submitted(script, programs, run.root, SLURM_GPUS_ON_NODE=4, SLURM_CPUS_PER_TASK=16)
    assert done.stdout.strip() == f"4: {command} {run.root} --resume"


@pytest.mark.parametrize("name", ["several_nodes.sh", "prepare_parts.sh", "train_several_gpus.sh"])
def test_without_arguments_the_usage_is_said(repository: Path, programs: Path, name: str) -> None:
    done = submitted(repository / "templates/slurm" / name, programs)
    assert done.returncode != 0
    assert "usage: sbatch" in done.stderr
