"""Several files that appear together, or none of them."""

from pathlib import Path

import pytest

from gem_plugin.io.whole_files import files_placed_together, remove_unfinished_files


def test_files_get_to_their_folder_together_and_others_stay(tmp_path: Path):
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    (folder / "one.mrc").write_text("old")
    with files_placed_together(folder) as temporary:
        (temporary / "one.mrc").write_text("new")
        (temporary / "deep").mkdir()
        (temporary / "deep" / "two.mrc").write_text("new")
        assert (folder / "one.mrc").read_text() == "old"
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert found == ["deep/two.mrc", "mine.txt", "one.mrc"]
    assert (folder / "one.mrc").read_text() == "new"


def write_and_break(folder: Path, error: BaseException) -> None:
    with files_placed_together(folder) as temporary:
        (temporary / "one.mrc").write_text("new")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_error_leaves_nothing_behind(tmp_path: Path, error: BaseException):
    (tmp_path / "there").mkdir()
    with pytest.raises(type(error)):
        write_and_break(tmp_path / "there" / "new" / "maps", error)
    assert list(tmp_path.rglob("*")) == [tmp_path / "there"]


def test_folder_of_a_process_that_was_killed_is_removed(tmp_path: Path):
    left = tmp_path / ".unfinished.part999999999"
    left.mkdir()
    (left / "one.mrc").touch()
    assert remove_unfinished_files(tmp_path) == [left]
    assert not left.exists()
