"""The README's steps in RELION's own window: External, fields, Run!, progress, outputs, Continue!, abort.

With GEM_PICTURES=FOLDER the pictures of docs/relion.md are written there.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from relion_project_folder import RelionProject
from relion_window import RelionWindow

from gem_plugin.progress import Progress
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

pytestmark = [pytest.mark.relion, pytest.mark.slow]
SECONDS_FOR_A_JOB = 600
SHORT = {"epochs": "6", "n_states": "2", "fit_images": "1000", "sketch_size": "40"}


@pytest.fixture(scope="module")
def project(relion: Path, tmp_path_factory: pytest.TempPathFactory) -> RelionProject:
    project = RelionProject(tmp_path_factory.mktemp("project"))
    folder = "Refine3D/job001"
    simulation = SimulateSettings(
        out=project.folder / folder,
        n_particles=400,
        box=48,
        pixel_size=6.0,
        snr=0.1,
        wells=2,
        stack_folder=folder,
    )
    run_simulate(simulation, Progress())
    return project


@pytest.fixture(scope="module")
def window(project: RelionProject) -> Iterator[RelionWindow]:
    window = RelionWindow(project.folder)
    yield window
    window.close()


def wait_for(project: RelionProject, job: str, status: str) -> None:
    """Until RELION's window has seen how the job ended."""
    end = time.monotonic() + SECONDS_FOR_A_JOB
    while time.monotonic() < end:
        if (project.folder / job).is_dir() and project.status(job) == status:
            return
        time.sleep(2)
    raise AssertionError(f"{job} is not {status}:\n{project.output_of(job)[-3000:]}")


def keep(window: RelionWindow, name: str) -> None:
    folder = os.environ.get("GEM_PICTURES")
    if folder:
        window.picture().crop((0, 0, 815, 800)).quantize(64).save(Path(folder) / f"{name}.png", optimize=True)


def test_the_steps_of_the_readme_in_the_window(project: RelionProject, window: RelionWindow) -> None:
    window.choose_external()
    window.fill_in("Params", SHORT)
    window.fill_in("Running", {"Number of threads": "2"})
    inputs = {
        "External executable": "gem-external-run",
        "Input particles": "Refine3D/job001/particles.star",
        "Input 3D reference": "Refine3D/job001/consensus.mrc",
    }
    window.fill_in("Input", inputs)
    keep(window, "relion_input")
    before = np.asarray(window.picture())
    window.run()
    wait_for(project, "External/job001/", "running")
    time.sleep(15)
    keep(window, "relion_running")
    assert (np.asarray(window.picture()) != before).any()
    wait_for(project, "External/job001/", "finished")
    nodes = list(project.nodes("External/job001/"))
    names = [Path(node).name for node in nodes]
    assert len(names) == len(set(names))  # RELION's list shows no more than these
    assert {
        "particles.star",
        "particles_with_states.star",
        "state_001.star",
        "state_001_reference.mrc",
    } <= set(names)
    time.sleep(5)
    window.show_first_finished_job()
    window.open_outputs()
    keep(window, "relion_outputs")
    window.close_menu()


def test_continue_keeps_what_is_done(project: RelionProject, window: RelionWindow) -> None:
    window.show_first_finished_job()
    window.run()
    wait_for(project, "External/job001/", "running")
    wait_for(project, "External/job001/", "finished")
    assert "train: already done with these settings, kept" in project.output_of("External/job001/")


def test_abort_stops_the_job_and_keeps_its_parts(project: RelionProject, window: RelionWindow) -> None:
    time.sleep(5)
    window.choose_external()
    window.fill_in("Params", {**SHORT, "epochs": "5000"})
    window.run()
    wait_for(project, "External/job002/", "running")
    time.sleep(20)
    window.abort_first_running_job()
    wait_for(project, "External/job002/", "aborted")
    assert "Finished parts are kept" in project.output_of("External/job002/")
