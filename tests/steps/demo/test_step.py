"""gem-em demo, small: a project that RELION knows, jobs that succeeded, and the motion found."""

import json
import re
import subprocess
import sys
from html import escape
from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_arrays
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.star.particles import read_relion_file
from gem_plugin.progress import Progress
from gem_plugin.reports.sections.motion_in_words import motion_in_words
from gem_plugin.results.run import Run
from gem_plugin.steps.demo.figures import true_motion
from gem_plugin.steps.demo.settings import DemoSettings
from gem_plugin.steps.demo.step import (
    ANGLE_BETWEEN_WELLS_IN_DEGREES,
    N_WELLS,
    _landscape_job,
    _select_job,
    _train_job,
    run_demo,
)
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
def test_the_three_wells_are_found_without_being_asked_for(demo: tuple[Path, str]) -> None:
    project, _ = demo
    assert 'n_states = "auto"' in (project / "External/job002/settings.toml").read_text()
    truth = np.load(project / "Simulated/truth.npz")
    well = (truth["angles_in_degrees"][truth["which"]] // ANGLE_BETWEEN_WELLS_IN_DEGREES).astype(int)
    states = Run(project / "External/job002").states()
    assert len(states.numbers) == N_WELLS
    agreement = [np.bincount(well[states.labels == number]).max() for number in states.numbers]
    assert sum(agreement) > 0.9 * len(well)


@pytest.mark.slow
def test_the_report_says_what_moves_as_it_was_planted(demo: tuple[Path, str]) -> None:
    """One rigid arm, a third of the mass, over 22 Angstrom, with no change of density."""
    project, said = demo
    fraction, distance = true_motion(read_arrays(project / "Simulated/truth.npz", "gem-em demo"))
    assert (fraction, distance) == (pytest.approx(0.338, abs=0.005), pytest.approx(22.1, abs=0.6))
    run = Run(project / "External/job002")
    assert run.motion is not None
    parts = run.motion.moving_parts
    assert len(parts.gaussians) == 2, "the arm, and the rest"
    assert abs(parts.fraction_of_mass[1] - fraction) < 2.5 * parts.fraction_of_mass_error[1]
    assert parts.fraction_of_mass_error[1] < 0.08
    lowest = parts.motion_in_angstroms[1] - 2 * parts.motion_error_in_angstroms[1]
    assert 0.5 * distance < parts.motion_in_angstroms[1]
    assert lowest < distance, "a lower bound"
    assert parts.mass_change[1] < 0.15
    words = motion_in_words(run.motion)
    assert words in said
    assert words.startswith("One part,")
    assert "lower bound" in words
    page = (project / "External/job002/report.html").read_text()
    assert page.count(escape(words)) == 2, "in the overview and in the chapter on motion"
    assert "comes and goes" not in page


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
