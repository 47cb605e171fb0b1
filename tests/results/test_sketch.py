"""The sketch on disk: no map is -1, whatever the number of the first map, and files of version 0.1.0 are read."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import write_array, write_numbers
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.results.sketch import Sketch

ROWS = np.array([4, 1, 6])
LABELS = np.array([-1, 1, 1, 0, 0, -1, 2, 2])
LATENTS = np.arange(16.0).reshape(8, 2)


@pytest.mark.parametrize("first_number", [0, 1, 7])
def test_what_is_saved_is_loaded(tmp_path: Path, first_number: int) -> None:
    files = LandscapeFiles(tmp_path)
    Sketch(ROWS, LABELS, first_number).save(files, LATENTS)
    loaded = Sketch.load(files, 8)
    np.testing.assert_array_equal(loaded.rows, ROWS)
    np.testing.assert_array_equal(loaded.labels, LABELS)
    np.testing.assert_array_equal(loaded.counts, [2, 2, 2])
    assert loaded.first_number == first_number
    expected = [-1, 1, 1, 0, 0, -1, 2, 2]
    np.testing.assert_array_equal(
        loaded.map_numbers, [-1 if one < 0 else one + first_number for one in expected]
    )
    np.testing.assert_array_equal(np.load(files.sketch_labels) == -1, LABELS == -1)


@pytest.mark.parametrize("first_number", [1, 7])
def test_labels_of_version_0_1_0_are_read(tmp_path: Path, first_number: int) -> None:
    files = LandscapeFiles(tmp_path)
    write_numbers(files.sketch_rows, ROWS)
    write_array(files.sketch_labels, np.where(LABELS < 0, 0, LABELS + first_number))
    loaded = Sketch.load(files, 8)
    np.testing.assert_array_equal(loaded.labels, LABELS)
    assert loaded.first_number == first_number


def test_a_first_map_0_of_version_0_1_0_is_a_map(tmp_path: Path) -> None:
    files, labels = LandscapeFiles(tmp_path), np.array([0, 1, 1, 0, 0, 2, 2, 2])
    write_numbers(files.sketch_rows, ROWS)
    write_array(files.sketch_labels, labels)
    np.testing.assert_array_equal(Sketch.load(files, 8).labels, labels)


def test_cells_left_out_by_version_0_1_0_beside_a_map_0_are_refused(tmp_path: Path) -> None:
    """Then 0 is both the first map and no map; which of the two is written nowhere."""
    files = LandscapeFiles(tmp_path / "landscape")
    write_numbers(files.sketch_rows, ROWS)
    write_array(files.sketch_labels, np.where(LABELS < 0, 0, LABELS))
    (tmp_path / "settings.toml").write_text('[landscape]\nvol_start_index = 0\nvol_ind = "kept.txt"\n')
    with pytest.raises(
        InputError, match=r"cannot be distinguished from map 0\. Run `gem-em landscape` again"
    ):
        Sketch.load(files, 8)


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    files = LandscapeFiles(tmp_path)
    Sketch(ROWS, LABELS).save(files, LATENTS)
    with pytest.raises(InputError, match="belongs to 8 particles, the run has 9"):
        Sketch.load(files, 9)
    write_numbers(files.sketch_rows, np.array([0, 1, 6]))
    with pytest.raises(InputError, match="do not match"):
        Sketch.load(files, 8)
    files.sketch_record.write_text("{")
    with pytest.raises(InputError, match="damaged"):
        Sketch.load(files, 8)
