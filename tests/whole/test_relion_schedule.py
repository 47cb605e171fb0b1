"""A schedule of RELION 3.1 that runs train, landscape, select and Refine3D of one state unattended."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import starfile
from relion_project_folder import MPI_AS_ROOT, RelionProject

from gem_plugin.progress import Progress
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

pytestmark = pytest.mark.relion
NAMES = ("gem_train", "gem_landscape", "gem_select", "gem_refine")


def make_schedule(
    repository: Path, folder: Path, *arguments: str, is_installed: bool = True
) -> subprocess.CompletedProcess[str]:
    path = (str(Path(sys.executable).parent) + os.pathsep if is_installed else "") + "/usr/bin:/bin"
    script = repository / "templates" / "relion" / "make_schedule.sh"
    return subprocess.run(
        ["sh", str(script), *arguments], cwd=folder, env={"PATH": path}, capture_output=True, text=True
    )


@pytest.fixture
def project(relion: Path, tmp_path: Path) -> RelionProject:
    project = RelionProject(tmp_path)
    for name in ("particles.star", "map.mrc"):
        (tmp_path / name).touch()
    return project


def test_each_job_takes_what_the_one_before_it_makes(repository: Path, project: RelionProject) -> None:
    done = make_schedule(repository, project.folder, "particles.star", "map.mrc", "2", "180")
    assert done.returncode == 0, done.stderr
    pipeline = starfile.read(project.folder / "Schedules/gem/schedule_pipeline.star", always_dict=True)
    edges = pipeline["pipeline_input_edges"]
    taken = set(zip(edges["rlnPipeLineEdgeFromNode"], edges["rlnPipeLineEdgeProcess"], strict=True))
    gem = "Schedules/gem/"
    state = f"{gem}gem_landscape/landscape/states/state_002_reference.mrc"
    assert taken == {
        ("particles.star", f"{gem}gem_train/"),
        ("map.mrc", f"{gem}gem_train/"),
        (f"{gem}gem_train/particles.star", f"{gem}gem_landscape/"),
        (f"{gem}gem_landscape/particles_with_states.star", f"{gem}gem_select/"),
        (f"{gem}gem_select/particles.star", f"{gem}gem_refine/"),
        (state, f"{gem}gem_refine/"),
    }
    assert not list(project.folder.glob("*job.star"))


@pytest.mark.parametrize(
    ("arguments", "is_installed", "sentence"),
    [
        ((), True, "Expected: make_schedule.sh PARTICLES.star"),
        (("particles.star", "map.mrc", "first", "180"), True, "STATE is 'first'"),
        (("particles.star", "map.mrc", "1", "wide"), True, "DIAMETER is 'wide'"),
        (("absent.star", "map.mrc", "1", "180"), True, "There is no absent.star"),
        (("particles.star", "map.mrc", "1", "180"), False, "gem-external-train was not found"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_written(
    repository: Path, project: RelionProject, arguments: tuple[str, ...], is_installed: bool, sentence: str
) -> None:
    done = make_schedule(repository, project.folder, *arguments, is_installed=is_installed)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert not (project.folder / "Schedules").exists()


def test_the_command_of_the_page_is_complete(repository: Path, project: RelionProject) -> None:
    page = (repository / "docs" / "relion.md").read_text(encoding="utf-8")
    (line,) = [
        line for line in page.splitlines() if line.startswith("sh .../templates/relion/make_schedule.sh")
    ]
    arguments = line.split()[2:]
    for name in arguments[:2]:
        (project.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (project.folder / name).touch()
    done = make_schedule(repository, project.folder, *arguments)
    assert done.returncode == 0, done.stderr


def test_a_schedule_that_is_there_stays(repository: Path, project: RelionProject) -> None:
    arguments = ("particles.star", "map.mrc", "1", "180")
    assert make_schedule(repository, project.folder, *arguments).returncode == 0
    done = make_schedule(repository, project.folder, *arguments)
    assert done.returncode == 2
    assert "is there already" in done.stderr


@pytest.mark.slow
def test_the_whole_schedule_ends_with_a_refined_state(repository: Path, relion: Path, tmp_path: Path) -> None:
    project = RelionProject(tmp_path)
    simulation = SimulateSettings(
        out=tmp_path / "raw", n_particles=600, box=48, pixel_size=6.0, snr=0.1, stack_folder="raw"
    )
    run_simulate(simulation, Progress())
    made = make_schedule(repository, tmp_path, "raw/particles.star", "raw/consensus.mrc", "1", "260", "2")
    assert made.returncode == 0, made.stderr
    path = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]
    command = ["relion_scheduler", "--schedule", "gem", "--run"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **MPI_AS_ROOT, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    jobs = [f"External/job{number:03d}/" for number in (1, 2, 3)] + ["Refine3D/job004/"]
    assert [project.status(job) for job in jobs] == ["finished"] * 4, done.stdout[-3000:]
    chosen = starfile.read(tmp_path / "External/job003/particles.star", always_dict=True)["particles"]
    refined = starfile.read(tmp_path / "Refine3D/job004/run_data.star", always_dict=True)["particles"]
    assert 0 < len(chosen) <= 600
    assert sorted(refined["rlnImageName"]) == sorted(chosen["rlnImageName"])
    assert (tmp_path / "Refine3D/job004/run_class001.mrc").is_file()
