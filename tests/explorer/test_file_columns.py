"""Columns of the particle file for the explorer: numbers, groups, texts, odd ones; star and cs alike."""

import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryosparc_rows import make_rows
from small_star_run import write_run

from gem_plugin.errors import InputError
from gem_plugin.explorer.file_columns import (
    MAXIMUM_FOUND,
    MAXIMUM_KEPT,
    N_COMMONEST,
    FileColumns,
    column_of_values,
)
from gem_plugin.io.cryosparc.files import write_cs_rows
from gem_plugin.results.particle_file import open_particle_file
from gem_plugin.results.run import Run


def texts(*values: str) -> np.ndarray:
    return np.array(values, dtype=object)


def fake_run(path: Path) -> Any:
    return types.SimpleNamespace(is_prepared=True, original=open_particle_file(path))


def write_star(path: Path, columns: dict[str, list[str]]) -> Path:
    labels = "".join(f"_{name} #{index}\n" for index, name in enumerate(columns, start=1))
    rows = "\n".join(" ".join(row) for row in zip(*columns.values(), strict=True))
    path.write_text(f"data_particles\n\nloop_\n{labels}{rows}\n")
    return path


def test_numbers_are_numbers_and_few_whole_ones_are_groups() -> None:
    probability = column_of_values("rlnMaxValueProb", texts("0.5", "0.25", "1.0"))
    assert not probability.is_group
    np.testing.assert_array_equal(probability.values, np.float32([0.5, 0.25, 1.0]))
    assert column_of_values("rlnClassNumber", texts("1", "3", "1")).is_group
    assert column_of_values("uid", np.arange(3, dtype=np.uint64) + 2**60).is_group is False
    assert not column_of_values("rlnGroupNumber", texts("-1", "3")).is_group
    assert column_of_values("rlnGroupNumber", np.arange(51)).is_group is False, "more than a legend holds"


def test_a_column_without_values_says_so_and_single_ones_are_no_value() -> None:
    empty = column_of_values("x", texts("nan", "nan"))
    assert empty.described()["hasNoValues"]
    assert (empty.described()["lowest"], empty.described()["highest"]) == (0.0, 0.0)
    some = column_of_values("x", texts("nan", "inf", "2"))
    assert np.isnan(some.values[:2]).all()
    assert some.described()["lowest"] == some.described()["highest"] == 2.0


def test_texts_are_numbered_from_the_commonest_and_none_is_no_value() -> None:
    column = column_of_values("rlnGroupName", texts("b", "a", "b", "None", "c", "b", "a"))
    assert column.is_group
    assert column.categories.tolist() == ["b", "a", "c"]
    assert column.counts.tolist() == [3, 2, 1]
    assert column.values.tolist() == [1, 2, 1, 0, 3, 1, 2]
    assert column.described()["categories"][0] == {"number": 1, "name": "b", "count": 3}
    mixed = column_of_values("rlnGroupName", texts("1", "group_2"))
    assert mixed.categories.tolist() == ["1", "group_2"], "one word makes all of them texts"


def test_of_fifty_thousand_texts_the_commonest_are_sent_and_the_others_are_found() -> None:
    names = [f"<img src=x>/{number:05d}.mrc" for number in range(50_000)]
    column = column_of_values("rlnMicrographName", np.array(names + names[-1:] * 3, dtype=object))
    described = column.described()
    assert described["nCategories"] == 50_000
    assert len(described["categories"]) == N_COMMONEST
    assert described["categories"][0] == {"number": 1, "name": names[-1], "count": 4}
    (found,) = column.search(" 01234.MRC")
    assert found["name"] == names[1234]
    assert column.values[1234] == found["number"]
    assert len(column.search("mrc")) == MAXIMUM_FOUND
    assert column.search("absent") == []


def test_names_that_are_long_or_not_utf8_are_sent_shortened_and_readable() -> None:
    column = column_of_values("path", np.array([b"\xff" + b"x" * 300, b"plain"]))
    names = [one["name"] for one in column.described()["categories"]]
    assert names[0] == "plain"
    assert len(names[1]) <= 123
    assert names[1].startswith("...")
    half = column_of_values("rlnGroupName", texts("\udcff", "b"))
    assert half.described()["categories"][0]["name"].encode("utf-8")


def test_a_star_file_offers_all_its_columns_by_the_names_that_select_takes(tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 12)
    opened = Run(run)
    columns = FileColumns(opened)
    offered = columns.offered()
    assert offered["missing"] == ""
    assert {"rlnImageName", "rlnDefocusU", "rlnRandomSubset"} <= set(offered["columns"])
    for name in offered["columns"]:
        found = columns.column(name)
        assert len(found.values) == 12
        if not len(found.categories):
            np.testing.assert_allclose(found.values, opened.column(name), rtol=1e-6)
    assert columns.column("rlnImageName").described()["nCategories"] == 12
    with pytest.raises(InputError, match=r"no column .*rlnDefocusUU"):
        columns.column("rlnDefocusUU")


def test_fields_of_cs_files_with_several_numbers_are_columns_one_by_one(tmp_path: Path) -> None:
    rows = make_rows(8)
    write_cs_rows(tmp_path / "particles.cs", rows)
    columns = FileColumns(fake_run(tmp_path / "particles.cs"))
    offered = columns.offered()["columns"]
    assert "alignments3D/pose" not in offered
    assert "blob/path" in offered
    for axis in range(3):
        values = columns.column(f"alignments3D/pose[{axis}]").values
        np.testing.assert_array_equal(values, rows["alignments3D/pose"][:, axis].astype(np.float32))
    assert columns.column("blob/path").described()["isText"]
    with pytest.raises(InputError, match="several numbers per particle"):
        columns.column("alignments3D/pose")
    with pytest.raises(InputError, match="3 numbers per particle"):
        columns.column("alignments3D/pose[3]")


def test_a_table_of_three_hundred_columns_is_read_one_column_at_a_time(tmp_path: Path) -> None:
    path = write_star(
        tmp_path / "wide.star",
        {"rlnImageName": ["1@a.mrcs", "2@a.mrcs"], **{f"own{index}": ["1.5", "2"] for index in range(300)}},
    )
    columns = FileColumns(fake_run(path))
    assert len(columns.offered()["columns"]) == 301
    for index in range(20):
        columns.column(f"own{index}")
    assert len(columns._kept) == MAXIMUM_KEPT
    assert columns.column("own0").values.tolist() == [1.5, 2.0]


def test_a_file_that_was_moved_away_and_a_run_without_one_are_said(tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 4)
    opened = Run(run)
    opened.origin.particle_file.unlink()
    offered = FileColumns(opened).offered()
    assert offered["columns"] == []
    assert "There is no file" in offered["missing"]
    bare = FileColumns(types.SimpleNamespace(is_prepared=False))  # type: ignore[arg-type]
    assert "no particle file" in bare.offered()["missing"]
    with pytest.raises(InputError, match="no particle file"):
        bare.column("rlnDefocusU")
