"""diagnose on a run whose states are true: they pass; a state of randomly chosen particles is called noise."""

import json
from pathlib import Path

import numpy as np
import pytest
from moving_particles import make_moving_run

from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.reports.sections.run_warnings import find_warnings
from gem_plugin.results.run import Run
from gem_plugin.steps.diagnose.settings import DiagnoseSettings
from gem_plugin.steps.diagnose.step import run_diagnose
from gem_plugin.steps.reconstruct.settings import ReconstructSettings
from gem_plugin.steps.reconstruct.step import run_reconstruct


def diagnosed(run: RunFiles) -> dict[str, dict]:
    run_diagnose(run, DiagnoseSettings(), Progress())
    rows = json.loads((run.root / "diagnostics.json").read_text())["diagnostics"]
    return {row["name"]: row for row in rows}


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    return make_moving_run(tmp_path / "run")[0]


def test_a_real_state_passes_and_a_random_subset_is_flagged(run: RunFiles) -> None:
    run_reconstruct(run, ReconstructSettings(), Progress())
    real = diagnosed(run)
    assert real["state 2 may be noise"]["verdict"] == "good"
    assert real["decoded map of state 2 is not what its particles show"]["verdict"] == "good"
    assert real["half-maps share noise"]["verdict"] == "good"
    assert real["same image in both half-sets"]["value"] == 0
    assert real["latents follow defocus"]["verdict"] == "good"
    random = np.random.default_rng(5).integers(1, 3, 600)
    write_array(run.landscape.particle_states, random)
    run_reconstruct(run, ReconstructSettings(), Progress())
    noise = diagnosed(run)
    assert noise["state 1 may be noise"]["verdict"] == "bad"
    assert noise["state 2 may be noise"]["verdict"] == "bad"
    assert "Do not interpret this state" in noise["state 2 may be noise"]["advice"]
    titles = [warning.title for warning in find_warnings(Run(run))]
    assert "States 1, 2 may be noise" in titles


def test_what_is_missing_is_said_and_not_judged(run: RunFiles) -> None:
    found = diagnosed(run)
    assert found["states may be noise"]["verdict"] == "not measured"
    assert found["latents differ between trainings"]["verdict"] == "not measured"
    assert "--other-run" in found["latents differ between trainings"]["advice"]


def test_latents_that_follow_the_contrast_are_named(run: RunFiles) -> None:
    latents = np.load(run.latents)
    name = "latents follow contrast of the particles"
    assert name not in diagnosed(run), "runs of other programs have none"
    generator = np.random.default_rng(0)
    write_array(run.contrasts, generator.normal(1, 0.2, len(latents)).astype(np.float32))
    assert diagnosed(run)[name]["verdict"] == "good"
    write_array(run.contrasts, (1 + 0.2 * latents[:, 0]).astype(np.float32))
    assert diagnosed(run)[name]["verdict"] == "bad"


def test_a_second_training_is_compared(run: RunFiles, tmp_path: Path) -> None:
    other = RunFiles(tmp_path / "other")
    write_array(other.latents, np.load(run.latents) @ np.array([[0, 2.0], [-2, 0]], np.float32))
    run_diagnose(run, DiagnoseSettings(other_run=other.root), Progress())
    rows = json.loads((run.root / "diagnostics.json").read_text())["diagnostics"]
    (row,) = [row for row in rows if row["name"] == "latents differ between trainings"]
    assert row["value"] > 0.9
