"""gem-em demo, small: a project that RELION knows, jobs that succeeded, and the motion found."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.star.particles import read_relion_file
from gem_plugin.progress import Progress
from gem_plugin.steps.demo.settings import DemoSettings
from gem_plugin.steps.demo.step import _landscape_job, _select_job, _train_job, run_demo
from gem_plugin.steps.diagnose.settings import DiagnoseSettings
from gem_plugin.steps.diagnose.step import run_diagnose
from gem_plugin.steps.reconstruct.settings import ReconstructSettings
from gem_plugin.steps.reconstruct.step import run_reconstruct


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match="not empty"):
        run_demo(DemoSettings(out=tmp_path), Progress())
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_usual_settings_make_whole_commands() -> None:
    jobs = [_train_job(DemoSettings()), _landscape_job(DemoSettings())]
    jobs.append(_select_job(DemoSettings(), jobs[1], 2))
    for job in jobs:
        words = job.command()
        assert "None" not in words
        assert "" not in words
    assert jobs[2].inputs["in_part"] == "External/job002/landscape/states/state_002.star"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The project of a small demo, and what the demo said."""
    project = tmp_path_factory.mktemp("demo") / "project"
    command = [Path(sys.executable).parent / "gem-em", "demo", "--out", project]
    small = ["--n-particles", "1000", "--box", "48", "--apix", "5.5", "--snr", "0.2", "--epochs", "40"]
    done = subprocess.run([*command, *small, "--sketch-size", "60"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return project, done.stdout


@pytest.mark.slow
def test_the_known_motion_is_found_and_said(demo: tuple[Path, str]) -> None:
    _, said = demo
    found = re.search(r"median error ([\d.]+) degrees; guessing gives ([\d.]+)", said)
    assert found is not None, said
    assert float(found[1]) < 0.4 * float(found[2])


@pytest.mark.slow
def test_every_job_succeeded_and_every_file_that_is_named_exists(demo: tuple[Path, str]) -> None:
    project, said = demo
    for number in (1, 2, 3):
        assert (project / f"External/job{number:03d}/RELION_JOB_EXIT_SUCCESS").exists()
    named = re.findall(
        r"^(?:report|picture|maps of the states|particles of the largest state): +(\S+)$", said, re.M
    )
    assert len(named) == 4
    assert all(Path(path).exists() for path in named)


@pytest.mark.slow
def test_the_selected_particles_are_rows_of_the_simulated_file(demo: tuple[Path, str]) -> None:
    project, _ = demo
    original = (project / "Simulated/particles.star").read_text().splitlines()
    selected = (project / "External/job003/particles.star").read_text().splitlines()
    assert set(selected) <= set(original)
    n_selected = read_relion_file(project / "External/job003/particles.star").particles.n_rows
    states = np.load(project / "External/job002/landscape/particle_states.npy")
    assert n_selected == np.bincount(states)[1:].max()


@pytest.mark.slow
def test_the_states_of_the_demo_are_real_and_a_state_of_random_particles_is_called_noise(
    demo: tuple[Path, str], tmp_path: Path
) -> None:
    run = RunFiles(demo[0] / "External/job002")
    run_reconstruct(run, ReconstructSettings(), Progress())
    found = noise_verdicts(run)
    assert found == dict.fromkeys(("state 1", "state 2", "state 3"), "good")
    states = np.load(run.landscape.root / "particle_states.npy")
    random_rows = np.random.default_rng(1).permutation(len(states))[: len(states) // 5]
    states[random_rows] = 4
    np.save(tmp_path / "states.npy", states)
    run_reconstruct(run, ReconstructSettings(particle_states=tmp_path / "states.npy"), Progress())
    assert noise_verdicts(run) == {**found, "state 4": "bad"}


def noise_verdicts(run: RunFiles) -> dict[str, str]:
    run_diagnose(run, DiagnoseSettings(), Progress())
    rows = json.loads((run.root / "diagnostics.json").read_text())["diagnostics"]
    ending = " may be noise"
    return {row["name"].removesuffix(ending): row["verdict"] for row in rows if row["name"].endswith(ending)}


@pytest.mark.slow
@pytest.mark.relion
def test_real_relion_reconstructs_the_selected_particles(demo: tuple[Path, str], relion: Path) -> None:
    project, _ = demo
    command = [
        relion / "relion_reconstruct",
        "--i",
        "External/job003/particles.star",
        "--o",
        "state.mrc",
        "--ctf",
    ]
    done = subprocess.run([*command, "--subset", "1"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (project / "state.mrc").exists()
