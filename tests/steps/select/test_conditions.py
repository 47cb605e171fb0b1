"""Choosing particles by every kind of condition."""

import io
from pathlib import Path

import numpy as np
import pytest
from small_star_run import HEADER, write_run

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.polygon import points_in_polygon
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import rows_chosen, run_select

COORDINATES = np.array([[0, 0], [1, 0], [2, 1], [3, 1], [0, 3], [-1, 2], [5, 5], [2, 2]], np.float32)


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    run, _ = write_run(tmp_path, 8)
    files = run.landscape
    full = files.full
    write_array(files.particle_states, np.array([1, 1, 2, 2, 0, 1, 3, 3]))
    write_array(full.particle_states, np.array([2, 2, 2, 1, 1, 1, 1, 1]))
    write_array(full.leiden_states, np.array([4, 3, 2, 1, 1, 1, 1, 1]))
    write_array(full.coordinates, COORDINATES)
    write_array(run.latents, -COORDINATES)
    return run


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (SelectSettings(states=(1, 3)), [0, 1, 5, 6, 7]),
        (SelectSettings(states=(1, 3), exclude=True), [2, 3, 4]),
        (SelectSettings(states=(2,), source="full"), [0, 1, 2]),
        (SelectSettings(states=(4,), source="leiden"), [0]),
        (SelectSettings(where=("PC1>1", "PC2<=1")), [2, 3]),
        (SelectSettings(where=("z1>=0",)), [0, 4, 5]),
        (SelectSettings(where=("state==2",)), [2, 3]),
        (SelectSettings(states=(2,)), [2, 3]),
        (SelectSettings(where=("full_state==2",)), [0, 1, 2]),
        (SelectSettings(where=("leiden==4 or state == 3",)), [0, 6, 7]),
        (SelectSettings(where=("volume_pc_1>1 and volume_pc_2<=1",)), [2, 3]),
        (SelectSettings(where=("rlnRandomSubset==2",)), [1, 3, 5, 7]),
        (SelectSettings(where=("_rlnDefocusV < 10200", "PC1 != 0")), [1, 2, 3, 5, 6, 7]),
        (SelectSettings(where=("PC1 gt 1", "PC2 le 1")), [2, 3]),
        (SelectSettings(where=("z1 ge 0",)), [0, 4, 5]),
        (SelectSettings(where=("state eq 2 or PC1 lt 0",)), [2, 3, 5]),
        (SelectSettings(where=("_rlnDefocusV LT 10200 and PC1 ne 0",)), [1, 2, 3, 5, 6, 7]),
        (SelectSettings(where=("PC1 between 1 and 3",)), [1, 2, 3, 7]),
        (SelectSettings(where=("PC1 between 1 and 3 and PC2>1 or PC1 between 4 and 6",)), [6, 7]),
        (SelectSettings(pc_range=("1:0:2", "2:1:")), [2, 4, 7]),
        (SelectSettings(states=(3,), pc_range=("1::3",)), [7]),
    ],
)
def test_conditions_choose_what_they_say(
    run: RunFiles, settings: SelectSettings, expected: list[int]
) -> None:
    np.testing.assert_array_equal(rows_chosen(Run(run), settings), expected)


def test_a_polygon_chooses_what_lies_inside(run: RunFiles, tmp_path: Path) -> None:
    corners = tmp_path / "corners.txt"
    corners.write_text("0.5 -0.5\n3.5 -0.5\n3.5 2.5\n0.5 2.5\n")
    np.testing.assert_array_equal(rows_chosen(Run(run), SelectSettings(polygon=corners)), [1, 2, 3, 7])
    mirrored = SelectSettings(polygon=corners, plane=("z1", "PC2"), exclude=True)
    np.testing.assert_array_equal(rows_chosen(Run(run), mirrored), [0, 1, 2, 3, 4, 6, 7])


def test_points_in_a_concave_polygon() -> None:
    corners = np.array([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]])
    points = np.array([[2, 0.5], [2, 2], [0.5, 3], [3.5, 3], [5, 1], [-1, 1]])
    np.testing.assert_array_equal(points_in_polygon(points, corners), [True, False, True, True, False, False])
    with pytest.raises(InputError, match="three corners"):
        points_in_polygon(points, corners[:2])


def test_chosen_rows_are_written_as_they_were(run: RunFiles, tmp_path: Path) -> None:
    out = tmp_path / "chosen.star"
    run_select(run, SelectSettings(where=("PC1>1", "PC2<=1"), out=out), Progress(io.StringIO()))
    original = (tmp_path / "particles.star").read_text()
    kept = [
        line for line in original[len(HEADER) :].splitlines(keepends=True) if line[:6] in ("000003", "000004")
    ]
    assert out.read_text() == HEADER + "".join(kept)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (SelectSettings(), "Expected either --states"),
        (SelectSettings(states=(9,)), r"There is no state 9 in .*; the states are 1, 2, 3"),
        (SelectSettings(where=("PC1",)), "expected a column"),
        (SelectSettings(where=("PC1",)), "the shell took >0.5 away .* as a word: PC1 gt 0.5"),
        (SelectSettings(where=("PC2 0.5",)), "PC2 stands without a comparison"),  # PC2 >= 0.5
        (SelectSettings(where=("PC1 and state==2",)), "PC1 stands without a comparison"),
        (SelectSettings(where=("PC1 above 0.5",)), "expected a column, a comparison and a number"),
        (SelectSettings(where=("PC1 between 3",)), "expected a column, a comparison and a number"),
        (SelectSettings(where=("PC1 between 3 and 1",)), "between 3 and 1 holds no number"),
        (SelectSettings(where=("PC1>high",)), "is not a number"),
        (
            SelectSettings(where=("PC7>1",)),
            "There is no column volume_pc_7; there is volume_pc_1, volume_pc_2",
        ),
        (SelectSettings(where=("rlnNothing>1",)), "There is no column rlnNothing"),
        (SelectSettings(where=("umap1>1",)), "has no column umap_1 yet. Run `gem-em analyze"),
        (SelectSettings(where=("rlnDefocusX>1",)), "Did you mean rlnDefocusV"),
        (SelectSettings(where=("contras>1",)), "Did you mean contrast"),
        (SelectSettings(where=("(state==1)",)), "is not a number"),
        (SelectSettings(pc_range=("one:2:3",)), "component:low:high"),
        (SelectSettings(where=("PC1>100",)), "No particle meets"),
    ],
)
def test_what_is_wrong_is_said(run: RunFiles, settings: SelectSettings, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rows_chosen(Run(run), settings)
