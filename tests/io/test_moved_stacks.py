"""Stacks that were moved: found by the ends of their names, or refused where that could be several files."""

from pathlib import Path

import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.project_folder import ImageSearch, find_stacks

NAMES = ["Extract/job005/mic1.mrcs", "Extract/job005/mic2.mrcs"]


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture
def star(tmp_path: Path) -> Path:
    path = tmp_path / "Refine3D" / "job010" / "run_data.star"
    touch(path)
    return path


def test_flat_folder_of_an_archive_is_found_and_is_a_doubt(star: Path, tmp_path: Path) -> None:
    touch(tmp_path / "data" / "mic1.mrcs", tmp_path / "data" / "mic2.mrcs")
    found = find_stacks(NAMES, star)
    assert found.paths == {name: tmp_path / "data" / Path(name).name for name in NAMES}
    assert not found.names_start_here
    assert "by the ends of their names" in found.remark
    (doubt,) = found.doubts
    assert "no stack lies under its whole name" in doubt
    assert "--datadir" in doubt


@pytest.mark.parametrize("option", ["datadir", "project_folder"])
def test_folder_that_the_user_names_is_no_doubt(star: Path, tmp_path: Path, option: str) -> None:
    flat = tmp_path / "archive" / "deep" / "data"
    touch(flat / "mic1.mrcs", flat / "mic2.mrcs")
    found = find_stacks(NAMES, star, ImageSearch(**{option: flat}))
    assert list(found.paths.values()) == [flat / "mic1.mrcs", flat / "mic2.mrcs"]
    assert found.doubts == ()


def test_longest_end_of_a_name_wins(star: Path, tmp_path: Path) -> None:
    data = tmp_path / "archive"
    right = [data / "job005" / "mic1.mrcs", data / "job005" / "mic2.mrcs"]
    touch(*right, data / "mic1.mrcs", data / "mic2.mrcs")
    assert list(find_stacks(NAMES, star, ImageSearch(datadir=data)).paths.values()) == right
    assert list(find_stacks(NAMES, star).paths.values()) == right


def test_two_folders_with_files_of_these_names_are_refused(star: Path, tmp_path: Path) -> None:
    touch(*(tmp_path / folder / f"mic{number}.mrcs" for folder in ("one", "two") for number in (1, 2)))
    with pytest.raises(
        InputError, match=r"several folders hold files.*one, .*two. Name the right one with --datadir"
    ):
        find_stacks(NAMES, star)


def test_a_folder_with_some_of_the_stacks_is_not_taken(star: Path, tmp_path: Path) -> None:
    touch(tmp_path / "data" / "mic1.mrcs")
    with pytest.raises(InputError, match="2 of 2 image stacks are missing"):
        find_stacks(NAMES, star)
    with pytest.raises(
        InputError, match=r"1 of 2 image stacks are missing below .*data \(--datadir\).*mic2.mrcs"
    ):
        find_stacks(NAMES, star, ImageSearch(datadir=tmp_path / "data"))


def test_two_stacks_never_become_one_file(star: Path, tmp_path: Path) -> None:
    """Extractions of two jobs have stacks of the same names; in a flat folder only one of them is left."""
    touch(tmp_path / "data" / "mic1.mrcs")
    names = ["Extract/job005/mic1.mrcs", "Extract/job009/mic1.mrcs"]
    for search in (None, ImageSearch(datadir=tmp_path / "data")):
        with pytest.raises(
            InputError, match=r"job005/mic1.mrcs and Extract/job009/mic1.mrcs differ, but both"
        ):
            find_stacks(names, star, search)


def test_absolute_names_of_another_machine_are_found_below_datadir(star: Path, tmp_path: Path) -> None:
    touch(*(tmp_path / "here" / name for name in NAMES))
    names = [f"/scratch/other/{name}" for name in NAMES]
    found = find_stacks(names, star, ImageSearch(datadir=tmp_path / "here"))
    assert list(found.paths.values()) == [tmp_path / "here" / name for name in NAMES]
