"""Our External jobs started by the real relion_pipeliner; fake steps stand for the work."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from relion_project_folder import RelionProject

from gem_plugin.adapters.relion.jobs import JOBS
from gem_plugin.adapters.relion.output_nodes import relion_version

pytestmark = pytest.mark.relion
HERE = Path(__file__).parent
INPUTS = {"in_part": "run_data.star", "in_3dref": "map.mrc"}


@pytest.fixture
def project(relion: Path, tmp_path: Path) -> RelionProject:
    for name in (*INPUTS.values(), "relion_run.star"):
        (tmp_path / name).write_text("an input; relion_pipeliner waits for those that are missing")
    return RelionProject(tmp_path)


@pytest.fixture
def executable(tmp_path: Path) -> Callable[[str], Path]:
    """An executable like gem-external-train, but with the fake steps; its path has no space."""

    def make(name: str) -> Path:
        path = tmp_path / f"fake-external-{name}"
        path.write_text(
            f"#!{sys.executable}\nimport sys\nfrom gem_plugin.adapters.relion.watcher import run_external_job\n"
            f"sys.exit(run_external_job([sys.executable, {str(HERE / 'fake_worker.py')!r}, {name!r}], sys.argv[1:]))\n"
        )
        path.chmod(0o755)
        return path

    return make


def wait_for(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.05)


def test_finished_job_has_its_nodes_in_the_pipeline(project, executable) -> None:
    job = project.add_job("External", fn_exe=executable("train"), **INPUTS, nr_threads=2)
    assert project.run_job(job) == "finished", project.output_of(job)
    assert relion_version(project.folder / job) == 3
    assert project.nodes(job) == {"particles.star": 3, "consensus_map.mrc": 6, "logfile.pdf": 13}


def test_continue_runs_the_same_command_and_keeps_finished_steps(project, executable) -> None:
    job = project.add_job("External", fn_exe=executable("train"), **INPUTS)
    project.run_job(job)
    nodes = project.nodes(job)
    assert project.run_job(job) == "finished"
    assert project.output_of(job).count("already done with these settings, kept") == 4
    assert project.nodes(job) == nodes


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("train", {"param1_label": "epocs", "param1_value": "5"}, "Unknown option --epocs"),
        ("train", {"param1_label": "ending", "param1_value": "killed"}, "memory ran out"),
        ("select", {"param1_label": "states", "param1_value": "1,9"}, "No earlier job was given"),
    ],
)
def test_failed_job_is_shown_as_failed(project, executable, name, options, message) -> None:
    inputs = INPUTS if name == "train" else {}
    job = project.add_job("External", fn_exe=executable(name), **inputs, **options)
    assert project.run_job(job) == "failed"
    assert message in project.output_of(job)
    assert project.nodes(job) == {}


def test_abort_request_of_the_gui_gives_an_aborted_job(project, executable) -> None:
    options = {"param1_label": "ending", "param1_value": "long"}
    job = project.add_job("External", fn_exe=executable("train"), **INPUTS, **options)
    running = project.start_job(job)
    wait_for(project.folder / job / "train/checkpoint.pt")
    (project.folder / job / "RELION_JOB_ABORT_NOW").touch()
    running.communicate(timeout=30)
    assert project.status(job) == "aborted"


def test_killed_job_is_shown_as_failed(project, executable) -> None:
    options = {"param1_label": "ending", "param1_value": "long"}
    job = project.add_job("External", fn_exe=executable("train"), **INPUTS, **options)
    running = project.start_job(job)
    wait_for(project.folder / job / "train/checkpoint.pt")
    listed = subprocess.run(["pgrep", "-f", str(executable("train"))], capture_output=True, text=True).stdout
    watchers = [int(number) for number in listed.split() if b"sh\0-c" not in command_line(int(number))]
    os.kill(watchers[0], signal.SIGTERM)
    running.communicate(timeout=30)
    assert project.status(job) == "failed"


def command_line(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()


def test_relion_in_a_path_adds_pipeline_control_which_is_ignored(project, executable) -> None:
    job = project.add_job(
        "External", fn_exe=executable("train"), in_part="relion_run.star", in_3dref="map.mrc"
    )
    assert project.run_job(job) == "finished", project.output_of(job)
    assert "--pipeline_control" in (project.folder / job / "note.txt").read_text()


def test_landscape_and_select_find_the_job_of_their_input(project, executable) -> None:
    train = project.add_job("External", fn_exe=executable("train"), **INPUTS)
    project.run_job(train)
    number = {"param1_label": "M", "param1_value": "2"}
    landscape = project.add_job(
        "External", fn_exe=executable("landscape"), in_part=f"{train}particles.star", **number
    )
    assert project.run_job(landscape) == "finished", project.output_of(landscape)
    assert project.nodes(landscape)["landscape/states/state_002.star"] == 3
    states = {
        "param1_label": "states",
        "param1_value": "1,2",
        "param2_label": "run",
        "param2_value": landscape,
    }
    select = project.add_job("External", fn_exe=executable("select"), **states)
    assert project.run_job(select) == "finished", project.output_of(select)
    assert project.nodes(select)["particles.star"] == 3


def test_continue_with_fewer_states_leaves_no_node_without_a_file(project, executable) -> None:
    train = project.add_job("External", fn_exe=executable("train"), **INPUTS)
    project.run_job(train)
    three = {"param1_label": "M", "param1_value": "3"}
    job = project.add_job(
        "External", fn_exe=executable("landscape"), in_part=f"{train}particles.star", **three
    )
    project.run_job(job)
    assert "landscape/states/state_003.star" in project.nodes(job)
    star = project.folder / job / "job.star"
    star.write_text(re.sub(r"(param1_value\s+)\S+", r"\g<1>2", star.read_text()))
    assert project.run_job(job) == "finished", project.output_of(job)
    nodes = project.nodes(job)
    assert "landscape/states/state_002.star" in nodes
    assert [name for name in nodes if not (project.folder / job / name).is_file()] == []
    assert not list((project.folder / job).rglob("*state_003*"))
    assert not list((project.folder / ".Nodes").rglob("*state_003*"))
    assert not (project.folder / ".relion_lock").exists()
    assert project.nodes(train)["particles.star"] == 3


@pytest.mark.parametrize("name", list(JOBS))
def test_template_is_accepted_and_fills_in_the_job(project, repository, name) -> None:
    template = repository / "templates/relion" / f"{name}.job.star"
    job = project.add_job_from_star(template, in_part="run_data.star")
    text = (project.folder / job / "job.star").read_text()
    assert f"fn_exe gem-external-{name} " in text
    assert "in_part run_data.star " in text
    assert (project.folder / ".gui_externaljob.star").read_text() == text  # what the GUI's tabs come up with
