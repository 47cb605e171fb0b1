"""Columns of 2D stacks: sizes, names and poses that are missing or contradict each other."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from tilt_projects import RELION, changed_star, read

from gem_plugin.errors import InputError

Change = Callable[[dict[str, pd.DataFrame]], None]


def _set(block: str, label: str, row: int, value: object) -> Change:
    def change(blocks: dict[str, pd.DataFrame]) -> None:
        blocks[block] = blocks[block].astype({label: object})
        blocks[block].loc[row, label] = value

    return change


def _drop(block: str, label: str) -> Change:
    def change(blocks: dict[str, pd.DataFrame]) -> None:
        blocks[block] = blocks[block].drop(columns=[label])

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_set("optics", "rlnImagePixelSize", 1, 6.0), r"expected one pixel size above 0, found 6 A \(4 particles\), 8 A \(8 particles\)"),
        (_drop("optics", "rlnImagePixelSize"), "has no pixel size: expected _rlnImagePixelSize"),
        (_set("optics", "rlnImageSize", 2, 64), "expected one box, found 32, 64 pixels"),
        (_drop("particles", "rlnAngleTilt"), "has no poses: the column _rlnAngleTilt is missing"),
        (_drop("particles", "rlnTomoVisibleFrames"), "has no 2D stacks of tilt images: the column _rlnTomoVisibleFrames"),
        (_drop("particles", "rlnCenteredCoordinateZAngst"), "expected the coordinates _rlnCenteredCoordinateXAngst"),
        (_set("particles", "rlnTomoParticleName", 5, "TS_01/2"), r"particle TS_01/2 is there 2 times \(rows 1 and 5\)"),
        (_set("particles", "rlnImageName", 4, "000002@Subtomograms/a.mrcs"), r"row 4 .*expected the name of a stack of its own"),
        (_set("particles", "rlnRandomSubset", 4, 3), r"row 4 .*expected half set 1 or 2 in _rlnRandomSubset, found 3"),
        (_set("particles", "rlnOpticsGroup", 4, 9), r"row 4 .*optics group 9 is not in the block data_optics"),
        (_set("particles", "rlnAngleRot", 4, "x"), r"row 4 .*column _rlnAngleRot: expected a number, found 'x'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(own_project: Path, change: Change, words: str) -> None:
    with changed_star(own_project / "relion5" / "particles.star") as blocks:
        change(blocks)
    with pytest.raises(InputError, match=words):
        read(own_project / RELION)


def test_without_names_the_stacks_are_the_names(own_project: Path) -> None:
    with changed_star(own_project / "relion5" / "particles.star") as blocks:
        _drop("particles", "rlnTomoParticleName")(blocks)
    assert read(own_project / RELION).names[0] == "Subtomograms/TS_01/1_stack2d.mrcs"


def test_an_empty_file(own_project: Path) -> None:
    path = own_project / "relion5" / "particles.star"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "stack2d" not in line))
    with pytest.raises(InputError, match="holds no particles"):
        read(own_project / RELION)
