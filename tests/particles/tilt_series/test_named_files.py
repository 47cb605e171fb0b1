"""Files that other files name: in the project, beside the file, or ambiguous."""

from pathlib import Path

import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.project_folder import ImageSearch
from gem_plugin.notices import listening
from gem_plugin.particles.tilt_series.named_files import find_named_file


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job folder of a project."""
    (tmp_path / "default_pipeline.star").touch()
    folder = tmp_path / "Refine3D" / "job004"
    folder.mkdir(parents=True)
    return folder


def test_names_start_from_the_project(job: Path) -> None:
    (job / "run_data.star").write_text("particles")
    found = find_named_file(
        "Refine3D/job004/run_data.star", job / "run_optimisation_set.star", "the particle file"
    )
    assert found == job / "run_data.star"


def test_or_from_the_file_that_names_them(job: Path) -> None:
    (job / "particles.star").write_text("particles")
    assert find_named_file("particles.star", job / "set.star", "the particle file") == job / "particles.star"


def test_two_different_files_of_one_name_are_warned_of_and_the_project_wins(job: Path) -> None:
    project = job.parent.parent
    (job / "particles.star").write_text("some")
    (project / "particles.star").write_text("others")
    with listening(lambda notice: None) as heard:
        found = find_named_file("particles.star", job / "set.star", "the particle file")
    assert found == project / "particles.star"
    (sentence,) = [notice.sentence for notice in heard]
    assert f"there is another file of that name, {job / 'particles.star'}" in sentence
    search = ImageSearch(project_folder=job)
    with listening(lambda notice: None) as heard:
        assert (
            find_named_file("particles.star", job / "set.star", "the file", search) == job / "particles.star"
        )
    assert not heard


def test_copies_of_one_file_are_no_doubt(job: Path) -> None:
    for folder in (job, job.parent.parent):
        (folder / "particles.star").write_text("same")
    with listening(lambda notice: None) as heard:
        find_named_file("particles.star", job / "set.star", "the particle file")
    assert not heard


def test_a_missing_file_is_named_with_where_it_was_looked_for(job: Path) -> None:
    with pytest.raises(
        InputError, match=r"set.star: the tilt series of TS_1 is missing: expected a/b.star below"
    ):
        find_named_file("a/b.star", job / "set.star", "the tilt series of TS_1")
    absolute = str(job / "none.star")
    with pytest.raises(InputError, match="the particle file is missing"):
        find_named_file(absolute, job / "set.star", "the particle file")
