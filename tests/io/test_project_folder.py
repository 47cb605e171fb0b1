"""Images of the right project: the nearest one above the star file, and never some of one and some of another."""

from pathlib import Path

import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.project_folder import ImageSearch, find_stacks, project_above

NAMES = [f"Extract/job005/mic{number}.mrcs" for number in range(3)]


def make_project(folder: Path, content: str, names: list[str] = NAMES) -> Path:
    """Stacks of one content, and the path of a star file in a job of that project."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    star = folder / "Refine3D" / "job010" / "run_data.star"
    star.parent.mkdir(parents=True, exist_ok=True)
    return star


@pytest.fixture
def two_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder is a project around another one, with other images of the same names."""
    make_project(tmp_path, "outer")
    monkeypatch.chdir(tmp_path)
    return make_project(tmp_path / "inner", "inner")


def test_nearest_project_above_the_star_file_wins_over_the_working_folder(two_projects: Path) -> None:
    found = find_stacks(NAMES, two_projects)
    assert {path.read_text() for path in found.paths.values()} == {"inner"}
    assert f"3 stacks below {two_projects.parents[2]} (the project of run_data.star)" in found.remark


def test_other_images_of_the_same_names_are_a_doubt(two_projects: Path, tmp_path: Path) -> None:
    (doubt,) = find_stacks(NAMES, two_projects).doubts
    assert f"{tmp_path} holds stacks of the same names with other images" in doubt
    assert f"--project-folder {tmp_path}" in doubt


def test_the_same_images_in_two_folders_are_no_doubt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path, "same")
    star = make_project(tmp_path / "inner", "same")
    monkeypatch.chdir(tmp_path)
    assert find_stacks(NAMES, star).doubts == ()


def test_links_to_the_same_images_are_no_doubt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    star = make_project(tmp_path / "project", "images")
    (tmp_path / "Extract").symlink_to(tmp_path / "project" / "Extract")
    monkeypatch.chdir(tmp_path)
    assert find_stacks(NAMES, star).doubts == ()


def test_the_folder_that_the_user_names_wins_without_a_doubt(two_projects: Path, tmp_path: Path) -> None:
    found = find_stacks(NAMES, two_projects, ImageSearch(project_folder=tmp_path))
    assert {path.read_text() for path in found.paths.values()} == {"outer"}
    assert found.doubts == ()


def test_a_stack_that_is_missing_is_not_taken_from_another_project(
    two_projects: Path, tmp_path: Path
) -> None:
    (two_projects.parents[2] / NAMES[1]).unlink()
    pattern = rf"1 of 3 image stacks are missing: {NAMES[1]}. The others lie below .*inner. All of them are below {tmp_path}"
    with pytest.raises(InputError, match=pattern):
        find_stacks(NAMES, two_projects)


@pytest.mark.parametrize("mark", ["default_pipeline.star", ".gui_projectdir"])
def test_a_project_wins_over_a_folder_below_it_that_is_none(tmp_path: Path, mark: str) -> None:
    make_project(tmp_path, "project")
    (tmp_path / mark).touch()
    (tmp_path / "notes").mkdir()
    make_project(tmp_path / "notes" / "copies", "copies")
    star = tmp_path / "notes" / "copies" / "particles.star"
    assert {path.read_text() for path in find_stacks(NAMES, star).paths.values()} == {"project"}


def test_without_a_project_the_nearest_folder_with_the_stacks_is_taken(tmp_path: Path) -> None:
    make_project(tmp_path, "far")
    make_project(tmp_path / "near", "near")
    found = find_stacks(NAMES, tmp_path / "near" / "some" / "particles.star")
    assert found.folder == tmp_path / "near"


def test_the_working_folder_is_taken_for_a_star_file_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    make_project(project, "images")
    monkeypatch.chdir(project)
    found = find_stacks(NAMES, tmp_path / "downloads" / "particles.star")
    assert found.folder == project
    assert "seen from the working folder" in found.remark


def test_absolute_names_are_taken_as_they_are(tmp_path: Path) -> None:
    make_project(tmp_path / "data", "images")
    names = [str(tmp_path / "data" / name) for name in NAMES]
    found = find_stacks(names, tmp_path / "particles.star")
    assert [str(path) for path in found.paths.values()] == names
    assert "absolute" in found.remark


@pytest.mark.parametrize(
    ("path", "project"),
    [
        ("P/Refine3D/job010/run_data.star", "P"),
        ("P/External/job012/gem/landscape/states/state_001.star", "P"),
        ("P1/J42/J42_005_particles.cs", "P1"),
        ("P/Refine3D/mine/run_data.star", None),
    ],
)
def test_projects_are_recognised_by_their_job_folders(tmp_path: Path, path: str, project: str | None) -> None:
    expected = None if project is None else tmp_path / project
    assert project_above(tmp_path / path) == expected


def test_a_prefix_is_taken_off_before_stacks_are_looked_for(tmp_path: Path) -> None:
    star = make_project(tmp_path, "images")
    names = [f"/old/disk/{name}" for name in NAMES]
    found = find_stacks(names, star, ImageSearch(strip_prefix="/old/disk"))
    assert [str(path.relative_to(tmp_path)) for path in found.paths.values()] == NAMES
    assert list(found.paths) == names


def test_a_prefix_that_no_name_has_is_refused(tmp_path: Path) -> None:
    star = make_project(tmp_path, "images")
    with pytest.raises(
        InputError, match=r"no image name starts with 'Extr/'.*such as 'Extract/job005/mic0.mrcs'"
    ):
        find_stacks(NAMES, star, ImageSearch(strip_prefix="Extr"))


def test_a_folder_that_is_not_there_is_named_with_its_option(tmp_path: Path) -> None:
    for search, flag in (
        (ImageSearch(project_folder=tmp_path / "absent"), "--project-folder"),
        (ImageSearch(datadir=tmp_path / "absent"), "--datadir"),
    ):
        with pytest.raises(InputError, match=f"{flag}: there is no folder"):
            find_stacks(NAMES, tmp_path / "particles.star", search)


def test_both_folders_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"either --project-folder.*or --datadir"):
        ImageSearch(tmp_path, tmp_path).check()


def test_missing_stacks_are_counted_and_every_way_out_is_named(tmp_path: Path) -> None:
    pattern = r"3 of 3 image stacks are missing: .*--project-folder.*--datadir.*--strip-prefix"
    with pytest.raises(InputError, match=pattern):
        find_stacks(NAMES, tmp_path / "particles.star")
