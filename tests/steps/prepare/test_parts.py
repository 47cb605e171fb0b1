"""prepare in four parts gives the bits of prepare in one go, whatever happened to the parts on the way."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from relion_projects import RelionProject, noisy_images

from gem_plugin.cli.main import gem_em
from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.particles import images as particle_images
from gem_plugin.pipeline.run_steps import STEPS, run_step
from gem_plugin.progress import Progress
from gem_plugin.steps.prepare.parts import Part, parts_of_images
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import prepare_part

N_PARTICLES, N_PARTS = 42, 4


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RelionProject:
    """Five images in a chunk; three images that cannot be used, in several parts."""
    monkeypatch.setattr(particle_images, "BYTES_AT_A_TIME", 5 * 4 * 16**2)
    project = RelionProject(tmp_path / "project", n_particles=N_PARTICLES)
    images = 3 * noisy_images(N_PARTICLES, 16) + 7
    images[4] = 0
    images[17, 3, 3] = np.nan
    images[40, 2, 2] = 1e5
    project.write_star()
    project.write_stacks(images)
    return project


def settings_of(project: RelionProject, **changes: object) -> PrepareSettings:
    return PrepareSettings(**{"particles": project.star, "box": 16, **changes})  # type: ignore[arg-type]


def do_parts(run: RunFiles, settings: PrepareSettings, *numbers: int) -> str:
    said = io.StringIO()
    with listening(lambda notice: None):
        for number in numbers:
            prepare_part(run, settings, Part(number, N_PARTS), Progress(said))
    return said.getvalue()


def do_all(run: RunFiles, settings: PrepareSettings) -> dict:
    numbers = run_step(STEPS["prepare"], run, settings, Progress(io.StringIO()))
    return {name: value for name, value in numbers.items() if name != "seconds"}


def assert_same(run: RunFiles, other: RunFiles) -> None:
    def image_file(one: RunFiles) -> bytes:
        return one.prepared_images.read_bytes().replace(str(one.root).encode(), b"")

    assert image_file(run)[:220] == image_file(other)[:220]  # size and statistics
    assert run.prepared_images.read_bytes()[1024:] == other.prepared_images.read_bytes()[1024:]
    with np.load(run.prepared_table) as mine, np.load(other.prepared_table) as theirs:
        assert set(mine) == set(theirs)
        for name in mine:
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)
    assert run.excluded.read_text() == other.excluded.read_text()


@pytest.mark.parametrize("kind", ["raw", "premultiplied"])
def test_four_parts_give_the_bits_of_one(project: RelionProject, tmp_path: Path, kind: str) -> None:
    if kind == "premultiplied":
        project.optics[0]["_rlnCtfDataAreCtfPremultiplied"] = "1"
        project.write_star()
    one, run, settings = RunFiles(tmp_path / "one"), RunFiles(tmp_path / "run"), settings_of(project)
    numbers = do_all(one, settings)
    assert numbers["excluded_particles"] == 3
    do_parts(run, settings, 3, 1, 4, 2)
    assert do_all(run, settings) == numbers
    assert_same(run, one)
    assert not parts_of_images(run).folder.exists()
    assert not list(tmp_path.rglob("part_*"))


def test_a_part_that_was_stopped_is_done_again_alone(
    project: RelionProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, run, settings = RunFiles(tmp_path / "one"), RunFiles(tmp_path / "run"), settings_of(project)
    do_all(one, settings)
    do_parts(run, settings, 1, 2, 4)
    parts = parts_of_images(run)

    class Killed(Exception):
        pass

    def kill() -> None:
        if parts.stack(Part(3, N_PARTS)).exists():
            raise Killed

    with pytest.raises(Killed):
        prepare_part(run, settings, Part(3, N_PARTS), Progress(io.StringIO(), check_stop=kill))
    with pytest.raises(InputError, match=r"1 of 4 parts are not prepared: 3/4\. Run these again with --part"):
        do_all(run, settings)
    assert "Part 2 of 4 is prepared already, kept" in do_parts(run, settings, 2, 3)
    do_all(run, settings)
    assert_same(run, one)


def test_parts_of_other_settings_are_never_joined(project: RelionProject, tmp_path: Path) -> None:
    run = RunFiles(tmp_path / "run")
    do_parts(run, settings_of(project), 1, 2, 3, 4)
    with pytest.raises(InputError, match=r"Part 1 of 4 was prepared with normalise auto, not always\. Give"):
        do_all(run, settings_of(project, normalise="always"))
    do_parts(run, settings_of(project, normalise="always"), 2)
    with pytest.raises(InputError, match=r"Part 2 of 4 was prepared with normalise always, not auto"):
        do_all(run, settings_of(project))


def test_parts_of_particles_that_changed_are_never_joined(project: RelionProject, tmp_path: Path) -> None:
    run, settings = RunFiles(tmp_path / "run"), settings_of(project)
    do_parts(run, settings, 1, 2, 3, 4)
    project.columns["_rlnDefocusU"][0] = "12345.000000"
    project.write_star()
    with pytest.raises(InputError, match=r"run_data\.star has changed since part 1 of 4 was prepared"):
        do_all(run, settings)


def test_a_stack_that_is_cut_short_is_found(project: RelionProject, tmp_path: Path) -> None:
    run, settings = RunFiles(tmp_path / "run"), settings_of(project)
    do_parts(run, settings, 1, 2, 3, 4)
    stack = parts_of_images(run).stack(Part(2, N_PARTS))
    stack.write_bytes(stack.read_bytes()[:-4])
    with pytest.raises(InputError):
        do_all(run, settings)
    assert not run.prepared_images.exists()


def test_parts_of_two_divisions_are_refused(project: RelionProject, tmp_path: Path) -> None:
    run, settings = RunFiles(tmp_path / "run"), settings_of(project)
    do_parts(run, settings, 1)
    with listening(lambda notice: None):
        prepare_part(run, settings, Part(1, 2), Progress(io.StringIO()))
    with pytest.raises(InputError, match=r"holds parts of 2 and of 4; expected those of one division"):
        do_all(run, settings)


def test_more_parts_than_chunks_leave_some_empty(project: RelionProject, tmp_path: Path) -> None:
    one, run, settings = RunFiles(tmp_path / "one"), RunFiles(tmp_path / "run"), settings_of(project)
    do_all(one, settings)
    with listening(lambda notice: None):
        for number in range(1, 13):
            prepare_part(run, settings, Part(number, 12), Progress(io.StringIO()))
    do_all(run, settings)
    assert_same(run, one)


@pytest.mark.parametrize("text", ["0/4", "5/4", "3", "a/b", "3/4/5", ""])
def test_a_part_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"expected K/N, such as 3/16"):
        Part.of_text(text)


def test_tasks_at_the_same_time_do_not_disturb_each_other(project: RelionProject, tmp_path: Path) -> None:
    """As a queue starts them: no lock is in the way, and nothing but the parts is written."""
    run = RunFiles(tmp_path / "run")
    command = [
        sys.executable,
        "-m",
        "gem_plugin",
        "prepare",
        run.root,
        "--particles",
        project.star,
        "--box=16",
    ]
    tasks = [
        subprocess.Popen([*command, "--part", f"{number}/2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for number in (1, 2)
    ]
    ends = [task.communicate(timeout=200) for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], ends
    written = {path.name for path in run.root.rglob("*") if path.is_file()}
    assert written <= {f"part_{number}_of_2.{kind}" for number in (1, 2) for kind in ("npz", "mrcs")}
    assert {"part_1_of_2.npz", "part_2_of_2.npz"} <= written


def test_the_command_without_part_joins(project: RelionProject, tmp_path: Path) -> None:
    run, runner = RunFiles(tmp_path / "run"), CliRunner()
    arguments = ["prepare", str(run.root), "--particles", str(project.star), "--box", "16"]
    for number in range(1, 5):
        done = runner.invoke(gem_em, [*arguments, "--part", f"{number}/4"])
        assert done.exit_code == 0, done.output
    assert not run.summary.exists()
    done = runner.invoke(gem_em, arguments)
    assert done.exit_code == 0, done.output
    assert "Joining parts: 4 parts" in done.output
    assert json.loads(run.summary.read_text())["prepare"]["particles"] == N_PARTICLES
    shutil.rmtree(run.root)
