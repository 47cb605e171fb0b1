"""How states lie in the tomograms: saved and loaded the same, and said in words that do not claim more than was found."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.landscape.neighbouring_states import NeighbouringStates
from gem_plugin.results.state_positions import (
    APART,
    AS_CHANCE,
    TOGETHER,
    StatePositions,
    position_files,
    positions_if_there,
)

NUMBERS = NeighbouringStates(
    np.array([40, 20, 30, 0]),
    np.array([0.6, 0.1, 0.3, np.nan]),
    np.full(4, np.nan),
    np.array([0.4, 0.25, 0.31, np.nan]),
    np.array([0.02, 0.03, 0.02, np.nan]),
    np.array([0.002, 0.01, 0.8, 1.0]),
    np.arange(16.0).reshape(4, 4) * 100,
    np.full((4, 4), np.nan),
    6,
    3,
)


def test_saved_and_loaded_they_are_the_same(tmp_path: Path) -> None:
    for source in ("sketch", "full", "leiden"):
        files = position_files(LandscapeFiles(tmp_path), source)
        assert positions_if_there(LandscapeFiles(tmp_path), source) is None
        files.root.mkdir(parents=True, exist_ok=True)
        StatePositions(NUMBERS).save(files)
        loaded = positions_if_there(LandscapeFiles(tmp_path), source)
        assert loaded is not None
        for name, value in NUMBERS._asdict().items():
            np.testing.assert_allclose(getattr(loaded.numbers, name), value, rtol=1e-5)
    with pytest.raises(InputError, match="no positions of 'umap'; expected sketch, full, leiden"):
        position_files(LandscapeFiles(tmp_path), "umap")


def test_verdicts_need_a_small_p_value_and_say_the_direction() -> None:
    measured = StatePositions(NUMBERS)
    assert measured.states == [1, 2, 3]
    assert [measured.verdict(state) for state in measured.states] == [TOGETHER, APART, AS_CHANCE]
    assert measured.in_words() == (
        "Positions in the tomograms: state 1 lies together (60.0 % of the 6 nearest particles are in the same state, by chance "
        "40.0 ± 2.0 %, p = 0.002); state 2 lies apart (10.0 % of the 6 nearest particles are in the same state, by chance 25.0 ± 3.0 %, "
        "p = 0.01)."
    )
    nothing = StatePositions(NUMBERS._replace(p_values=np.ones(4)))
    assert "no state has more or fewer neighbours of its own than chance" in nothing.in_words()


def test_the_method_says_what_is_missing() -> None:
    measured = StatePositions(NUMBERS)
    assert "90 particles, 3 tomograms" in measured.method
    assert "With fewer than 10 tomograms the fractions have no errors" in measured.method
    assert "without any biology" in measured.method
    with_errors = StatePositions(NUMBERS._replace(errors=np.full(4, 0.01), n_tomograms=12))
    assert "drawing tomograms again" in with_errors.method


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    files = LandscapeFiles(tmp_path).positions
    with pytest.raises(InputError, match=r"state_neighbours.csv is missing"):
        StatePositions.load(files)
    StatePositions(NUMBERS).save(files)
    files.distances.write_text(files.distances.read_text().rsplit("\n", 2)[0] + "\n")
    with pytest.raises(InputError, match="has not the columns and rows expected"):
        StatePositions.load(files)
