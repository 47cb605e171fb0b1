"""Rows are found again by their place, and by their names only where these say which row is which."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.results.recorded_rows import RecordedRows


def names(text: str) -> np.ndarray:
    return np.array(list(text), dtype=object)


def test_copies_of_one_image_stay_the_rows_that_they_were() -> None:
    recorded = RecordedRows(names("aabb"), np.array([0, 1, 3, 4]))
    assert recorded.find_in(names("aaabbb"), Path("x.star")).tolist() == [0, 1, 3, 4]


def test_rows_of_version_0_1_0_are_in_the_order_of_the_file() -> None:
    assert RecordedRows(names("abc")).find_in(names("abc"), Path("x.star")).tolist() == [0, 1, 2]


def test_unique_names_are_joined_whatever_the_order() -> None:
    assert RecordedRows(names("ab")).find_in(names("bca"), Path("x.star")).tolist() == [2, 0]
    with pytest.raises(InputError, match=r"x.star lacks 1 of the 2 particles of the run, first d"):
        RecordedRows(names("ad")).find_in(names("bca"), Path("x.star"))


@pytest.mark.parametrize("in_file", ["bbaa", "ba", "abab"])
def test_names_that_repeat_say_nothing_in_another_order(in_file: str) -> None:
    recorded = RecordedRows(names("aabb"), np.arange(4))
    with pytest.raises(InputError, match=r"x.star was changed since the run began"):
        recorded.find_in(names(in_file), Path("x.star"))


def test_views_of_one_row_find_it_again() -> None:
    """Expanded here, a row of the file is several rows of the run."""
    recorded = RecordedRows(names("aabb"), np.array([0, 0, 1, 1]))
    assert recorded.find_in(names("cba"), Path("x.star")).tolist() == [2, 2, 1, 1]


def test_a_file_that_was_expanded_since_is_another_one() -> None:
    with pytest.raises(InputError, match="several have the same image"):
        RecordedRows(names("ab"), np.arange(2)).find_in(names("aabb"), Path("x.star"))
