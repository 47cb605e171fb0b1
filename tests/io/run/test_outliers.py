"""outliers.npy: absent in old runs, refused where it is of other particles, and what it says in words."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.run.excluded import ExcludedParticles, write_excluded
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.outliers import (
    count_in_states,
    is_outlier,
    outliers_in_words,
    particles_in_states,
    read_outliers,
    write_outliers,
)


def test_a_run_without_the_file_has_no_outliers(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    assert read_outliers(run, 4) is None
    assert not is_outlier(run, 4).any()
    assert particles_in_states(run, 4).all()
    assert outliers_in_words(run, 4) == ""


def test_above_a_half_is_an_outlier_and_excluded_particles_count_once(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    write_outliers(run, np.array([0.5, 0.51, 0.9, 0.0]))
    write_excluded(run, ExcludedParticles(np.array([2]), ["name"], ["hot pixel"]))
    assert is_outlier(run, 4).tolist() == [False, True, True, False]
    assert particles_in_states(run, 4).tolist() == [True, False, False, True]
    assert outliers_in_words(run, 4) == (
        "1 of 4 particles (25.0 %) looks like noise or lies elsewhere; it is in no state."
    )


def test_thousands_and_percent_are_written_as_elsewhere(tmp_path: Path) -> None:
    write_outliers(RunFiles(tmp_path), (np.arange(12_000) < 312).astype(float))
    assert outliers_in_words(RunFiles(tmp_path), 12_000) == (
        "312 of 12,000 particles (2.6 %) look like noise or lie elsewhere; they are in no state."
    )


def test_all_outliers_leave_nothing_for_states(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    write_outliers(run, np.ones(5))
    assert not count_in_states(run, 5).any()
    with pytest.raises(InputError, match=r"All 5 particles .* look like outliers .*train with --no-outliers"):
        particles_in_states(run, 5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(3), r"has the shape \(3,\); expected one number for each of 5 particles"),
        (np.full(5, 1.2), "values outside 0 to 1"),
        (np.full(5, np.nan), "values outside 0 to 1"),
    ],
)
def test_other_particles_and_other_numbers_are_refused(
    tmp_path: Path, values: np.ndarray, message: str
) -> None:
    write_outliers(RunFiles(tmp_path), values)
    with pytest.raises(InputError, match=message):
        read_outliers(RunFiles(tmp_path), 5)
