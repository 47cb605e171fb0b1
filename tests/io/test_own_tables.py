"""Tables of users: csv with any separator, star and .cs, and what is wrong with them."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.own_tables import read_own_table


@pytest.mark.parametrize(("separator", "name"), [(",", "a.csv"), (";", "a.csv"), ("\t", "a.tsv")])
def test_csv_with_any_separator(tmp_path: Path, separator: str, name: str) -> None:
    path = tmp_path / name
    path.write_text(
        f"\ufeffrlnImageName{separator}sample\n1@a.mrcs{separator} apo\n2@a.mrcs{separator}\n\n",
        encoding="utf-8",
    )
    table = read_own_table(path)
    assert len(table) == 2
    assert table.column("sample").tolist() == ["apo", ""]
    assert table.column("_rlnImageName").tolist() == ["1@a.mrcs", "2@a.mrcs"]
    assert table.first_of(["uid", "rlnImageName"]) == "rlnImageName"


def test_the_largest_table_of_a_star_file(tmp_path: Path) -> None:
    path = tmp_path / "a.star"
    path.write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup #1\n1\n\ndata_particles\n\nloop_\n_rlnImageName #1\n_sample #2\n1@a A\n2@a B\n"
    )
    assert read_own_table(path).column("sample").tolist() == ["A", "B"]


def test_cs_files(tmp_path: Path) -> None:
    rows = np.zeros(2, [("uid", "u8"), ("sample", "S4"), ("class", "i4"), ("score", "f4"), ("pose", "f4", 3)])
    rows["uid"], rows["sample"], rows["class"], rows["score"] = (
        [2**60 + 1, 7],
        [b"apo", b"atp"],
        [1, 2],
        [0.5, 2],
    )
    path = tmp_path / "a.cs"
    with open(path, "wb") as handle:
        np.save(handle, rows)
    table = read_own_table(path)
    assert table.column("uid").tolist() == [str(2**60 + 1), "7"]
    assert table.column("sample").tolist() == ["apo", "atp"]
    assert table.column("score").tolist() == ["0.5", "2"]
    assert "pose" not in table.columns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", "line 3: expected 2 values, one for each column name, found 1"),
        ("a,b\n", "holds no rows"),
        ("", "holds no rows"),
    ],
)
def test_damaged_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_own_table(tmp_path / "a.csv")


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("image,sample\n1,2\n")
    with pytest.raises(InputError, match="has no column group; it has image, sample"):
        read_own_table(tmp_path / "a.csv").column("group")
    with pytest.raises(InputError, match="There is no file"):
        read_own_table(tmp_path / "b.csv")
