"""Named outputs: what is there is not lost, and an input is never an output."""

from pathlib import Path

import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.new_files import check_nothing_is_lost, free_name


def test_a_file_that_is_there_is_refused_with_a_free_name(tmp_path: Path):
    out = tmp_path / "chosen.star"
    check_nothing_is_lost([out], overwrite=False)
    out.write_text("earlier")
    (tmp_path / "chosen-2.star").write_text("earlier too")
    told = r"chosen\.star is there already \(0\.0 MB, written \d{4}-.*would be lost.*--out \S+chosen-3\.star, or --overwrite"
    with pytest.raises(InputError, match=told):
        check_nothing_is_lost([out], overwrite=False)
    check_nothing_is_lost([out], overwrite=True)


def test_the_second_of_a_pair_counts_too(tmp_path: Path):
    (tmp_path / "chosen.csg").touch()
    with pytest.raises(InputError, match=r"chosen\.csg is there already"):
        check_nothing_is_lost([tmp_path / "chosen.cs", tmp_path / "chosen.csg"], overwrite=False)


@pytest.mark.parametrize("kind", ["itself", "link", "second name"])
def test_an_input_is_refused_with_overwrite_too(tmp_path: Path, kind: str):
    original = tmp_path / "run_data.star"
    original.write_text("particles")
    out = original if kind == "itself" else tmp_path / "out.star"
    if kind == "link":
        out.symlink_to(original)
    elif kind == "second name":
        out.hardlink_to(original)
    with pytest.raises(InputError, match="is one of the files that are read, and would be destroyed"):
        check_nothing_is_lost([out], overwrite=True, inputs=[original])


def test_a_folder_is_no_name_for_a_file(tmp_path: Path):
    with pytest.raises(InputError, match="is a folder; expected the name of a file"):
        check_nothing_is_lost([tmp_path], overwrite=True)


def test_names_of_folders_with_points_stay_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "run.v1").mkdir()
    assert free_name(tmp_path / "run.v1") == tmp_path / "run.v1-2"
    monkeypatch.chdir(tmp_path / "run.v1")
    assert free_name(Path(".")) == tmp_path / "run.v1-2"
