"""Where images are looked for by the settings of a step: the folder is in the log, a doubt is a warning."""

import shutil
from pathlib import Path

import pytest
from relion_projects import RelionProject

import gem_plugin as gem
from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.logged_progress import LoggedProgress
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare


@pytest.fixture
def project(tmp_path: Path) -> RelionProject:
    return RelionProject(tmp_path / "project").write()


def prepare(run: RunFiles, **settings) -> str:
    """The log of the step."""
    progress = LoggedProgress(run.log, seconds_between_lines=0)
    run_prepare(run, PrepareSettings(box=16, **settings), progress)
    return run.log.read_text()


def test_the_folder_that_is_used_is_in_the_log(project: RelionProject, tmp_path: Path) -> None:
    log = prepare(RunFiles(tmp_path / "run"), particles=project.star)
    assert f"Images: 2 stacks below {project.folder} (the project of run_data.star)." in log


def test_other_images_in_the_working_folder_are_warned_about(
    project: RelionProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = RelionProject(tmp_path, n_particles=6)
    other.write_stacks(-project.write_stacks())
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="holds stacks of the same names with other images"):
        prepare(RunFiles(tmp_path / "run"), particles=project.star)


def test_datadir_and_strip_prefix_reach_prepare(project: RelionProject, tmp_path: Path) -> None:
    moved = tmp_path / "disk"
    shutil.move(project.folder / "Extract" / "job004", moved)
    log = prepare(RunFiles(tmp_path / "one"), particles=project.star, datadir=moved)
    assert f"Images: 2 stacks below {moved} (--datadir)." in log
    stripped = {"project_folder": moved, "strip_prefix": "Extract/job004"}
    assert f"below {moved}" in prepare(RunFiles(tmp_path / "two"), particles=project.star, **stripped)


def test_contradicting_settings_are_refused(project: RelionProject, tmp_path: Path) -> None:
    both = {"project_folder": tmp_path, "datadir": tmp_path}
    with pytest.raises(InputError, match="not both"):
        prepare(RunFiles(tmp_path / "run"), particles=project.star, **both)


def test_python_takes_the_same_settings(project: RelionProject, tmp_path: Path) -> None:
    """The box of these particles is known from their images alone."""
    del project.optics[0]["_rlnImageSize"]
    project.write_star()
    moved = tmp_path / "disk" / "deep" / "data"
    shutil.move(project.folder / "Extract" / "job004", moved)
    assert gem.read_particles(project.star, datadir=moved).box_size == 16
    with pytest.raises(InputError, match="--datadir"):
        gem.read_particles(project.star)
    with pytest.raises(InputError, match="1 of 1 image stacks are missing"):
        gem.fit(project.star, project.map, tmp_path / "run", show_progress=False)
