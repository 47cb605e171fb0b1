"""Rows that come several times keep all of their text but what is changed."""

from pathlib import Path

import numpy as np
import pytest
from relion_projects import RelionProject

from gem_plugin.errors import InputError
from gem_plugin.io.star.edit import write_whole_pieces
from gem_plugin.io.star.particles import read_relion_file
from gem_plugin.io.star.repeated_rows import repeated_rows_pieces

MULTIBODY = """
data_particles

loop_
_rlnImageName #1
_rlnAngleRot #2
1@a.mrcs 10 # first
2@a.mrcs   20

data_images_body_1

loop_
_rlnAngleRot #1
1.5
2.5"""


def written(original: Path, rows: list[int], **how: object) -> str:
    file = read_relion_file(original)
    arguments = {"changed": {}, "added": [], "values": [()] * len(rows), **how}
    pieces = repeated_rows_pieces(file.document, file.particles, np.array(rows), **arguments)  # type: ignore[arg-type]
    target = original.with_name("written.star")
    write_whole_pieces(target, pieces)
    return target.read_text()


def test_every_row_once_and_unchanged_gives_the_file_itself(tmp_path: Path) -> None:
    project = RelionProject(tmp_path)
    star = project.write_star()
    assert written(star, list(range(6))) == star.read_text()


def test_changed_values_and_new_columns_stand_in_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "in.star"
    path.write_text(MULTIBODY)
    text = written(
        path,
        [0, 0, 1],
        changed={"_rlnAngleRot": [None, "130.000000", "-5"]},
        added=["_gemSymmetryCopy"],
        values=[("0",), ("1",), ("2",)],
    )
    assert "_rlnAngleRot #2\n_gemSymmetryCopy #3\n" in text
    lines = text.splitlines()
    assert "1@a.mrcs 10 0 # first" in lines
    assert "1@a.mrcs 130.000000 1 # first" in lines
    assert "2@a.mrcs   -5 2" in lines


def test_tables_with_a_row_per_particle_are_repeated_too(tmp_path: Path) -> None:
    path = tmp_path / "in.star"
    path.write_text(MULTIBODY)
    text = written(path, [0, 0, 1])
    assert text.split("_rlnAngleRot #1\n")[1].split() == ["1.5", "1.5", "2.5"]


def test_columns_of_the_same_name_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "in.star"
    path.write_text(MULTIBODY.replace("_rlnAngleRot #2", "_gemSymmetryCopy #2"))
    text = written(path, [1], added=["_gemSymmetryCopy"], values=[("7",)])
    assert "_rlnImageName #1\n_gemSymmetryCopy #2\n" in text
    assert [line.split() for line in text.splitlines() if "@" in line] == [["2@a.mrcs", "7"]]


def test_quoted_values_count_as_one(tmp_path: Path) -> None:
    path = tmp_path / "in.star"
    path.write_text(MULTIBODY.replace("1@a.mrcs 10", "'1@a b.mrcs' 10"))
    text = written(path, [0], changed={"_rlnAngleRot": ["99"]})
    assert "'1@a b.mrcs' 99 # first" in text


def test_rows_that_are_not_there_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.star"
    path.write_text(MULTIBODY)
    with pytest.raises(InputError, match="rows 0 to 1; row 5 was requested"):
        written(path, [5])
    with pytest.raises(InputError, match="No particle of"):
        written(path, [])
