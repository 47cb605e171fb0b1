"""populations.csv is written and read in one place; a landscape without it still opens and says how to make it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import gem_plugin as gem
from gem_plugin.errors import InputError
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.landscape.populations import Populations
from gem_plugin.results.csv_tables import read_text_rows
from gem_plugin.results.populations import StatePopulations, populations_file

FOUND = Populations(
    np.array([0.7, 0.3, 0]),
    np.array([0.75, 0.25, 0]),
    np.array([0.7, 0.2, 0]),
    np.array([0.8, 0.3, 0.01]),
    np.array([0, np.log(3), np.inf]),
    np.array([0, 0.1, np.nan]),
    np.array([20, 18, 0]),
    0.1,
)


def test_saved_and_loaded_they_are_the_same(tmp_path: Path) -> None:
    saved = StatePopulations.of(FOUND, "micrographs", True)
    files = LandscapeFiles(tmp_path)
    saved.save(files)
    rows = read_text_rows(files.populations)
    assert [row["state"] for row in rows] == ["1", "2", "3"]
    assert rows[2]["free_energy_in_kt"] == "inf"
    loaded = StatePopulations.load(files)
    for name in (
        "counted", "fractions", "lower", "upper", "energies_in_kt", "energy_errors_in_kt", "n_groups",
    ):  # fmt: skip
        np.testing.assert_allclose(getattr(loaded, name), getattr(saved, name), rtol=1e-5)
    assert (loaded.drawn_by, loaded.by_posteriors) == ("micrographs", True)
    assert loaded.sentence == saved.sentence


def test_the_sentence_says_what_the_errors_contain() -> None:
    assert "found by drawing micrographs again" in StatePopulations.of(FOUND, "micrographs", True).sentence
    alone = StatePopulations.of(FOUND, "particles", False).sentence
    assert "these errors are too small" in alone
    assert "Fractions are counted, as the model gives no uncertainty" in alone
    assert "randomness of training" in alone
    assert "too narrow" not in alone
    many = dataclasses.replace(FOUND, fractions=np.full(12, 1 / 12))
    of_many = StatePopulations.of(many, "micrographs", True)
    assert "12 states that overlap, the intervals are too narrow" in of_many.sentence


def test_an_old_landscape_opens_and_says_what_makes_them(old_run: Path) -> None:
    run = gem.open_run(old_run)
    assert run.states().numbers == [1, 2, 3]
    with pytest.raises(InputError, match=r"has no populations with errors. Run `gem-em landscape"):
        run.populations()


def test_each_set_of_states_has_its_own(tmp_path: Path) -> None:
    files = LandscapeFiles(tmp_path)
    for position, source in enumerate(("sketch", "full", "leiden")):
        shown = dataclasses.replace(FOUND, counted=np.roll(FOUND.counted, position))
        StatePopulations.of(shown, "micrographs", True).write(populations_file(files, source))
    for position, source in enumerate(("sketch", "full", "leiden")):
        np.testing.assert_allclose(
            StatePopulations.load(files, source).counted, np.roll(FOUND.counted, position)
        )
    populations_file(files, "leiden").unlink()
    with pytest.raises(InputError, match=r"populations_leiden.csv is missing.*Run `gem-em landscape-full"):
        StatePopulations.load(files, "leiden")
    with pytest.raises(InputError, match="no populations of 'umap'; expected sketch, full, leiden"):
        StatePopulations.load(files, "umap")


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    files = LandscapeFiles(tmp_path)
    StatePopulations.of(FOUND, "micrographs", True).save(files)
    files.populations.write_text(files.populations.read_text().replace("0.75", "many"))
    with pytest.raises(InputError, match="no number in the column fraction of every state"):
        StatePopulations.load(files)
