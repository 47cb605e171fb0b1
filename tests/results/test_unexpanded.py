"""From chosen views to particles, in the terms of each program."""

from pathlib import Path

import numpy as np
import pytest
from symmetric_project import prepared_run, run_of_cryosparc_views, run_of_star_views

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import read_cs_rows
from gem_plugin.results.run import Run
from gem_plugin.results.unexpanded import particles_of_views, with_enough_views

VIEWS = np.array([1, 2, 4, 9, 10, 11])  # two of particle 0, one of 1, three of 3


@pytest.fixture
def star_run(tmp_path: Path) -> Run:
    return run_of_star_views(tmp_path)


@pytest.fixture
def cs_run(tmp_path: Path) -> tuple[Run, np.ndarray]:
    return run_of_cryosparc_views(tmp_path)


@pytest.mark.parametrize(("minimum", "kept"), [(1, VIEWS), (2, [1, 2, 9, 10, 11]), (3, [9, 10, 11])])
def test_views_of_particles_with_enough_of_them_are_kept(
    star_run: Run, minimum: int, kept: list[int]
) -> None:
    assert with_enough_views(star_run.particles, VIEWS, minimum).tolist() == list(kept)


def test_more_than_there_are_is_refused(star_run: Run) -> None:
    with pytest.raises(
        InputError, match="--min-subunits is 4, but no particle has more than 3 of the chosen views"
    ):
        with_enough_views(star_run.particles, VIEWS, 4)


def test_particles_are_the_lines_of_the_star_file(star_run: Run, tmp_path: Path) -> None:
    written = particles_of_views(star_run, VIEWS)
    assert written.are_original
    target = tmp_path / "project" / "particles.star"
    written.file.write(target, written.rows)
    original = star_run.origin.particle_file.read_text().splitlines()
    rows = [line for line in original if "@" in line]
    assert [line for line in target.read_text().splitlines() if "@" in line] == [rows[0], rows[1], rows[3]]
    assert [line for line in target.read_text().splitlines() if "@" not in line] == [
        line for line in original if "@" not in line
    ]


def test_particles_are_the_rows_of_cryosparc(cs_run, tmp_path: Path) -> None:
    run, rows = cs_run
    written = particles_of_views(run, np.array([7, 8, 119]))
    found = read_cs_rows(written.file.write(tmp_path / "particles.cs", written.rows)[0])
    assert found.dtype == rows.dtype
    np.testing.assert_array_equal(found, rows[[1, 19]])


def test_a_file_expanded_elsewhere_gives_its_original_rows(star_run: Run, tmp_path: Path) -> None:
    """Or the first copies, which is said, where those were left out."""
    expanded = tmp_path / "project" / "expanded.star"
    star_run.original.write(expanded)
    complete = prepared_run(tmp_path / "complete", particles=expanded)
    written = particles_of_views(complete, np.array([2, 4]))
    assert (written.rows.tolist(), written.are_original) == ([0, 3], True)
    star_run.original.write(expanded, np.arange(1, 18))
    lacking = prepared_run(tmp_path / "lacking", particles=expanded)
    written = particles_of_views(lacking, np.array([1, 3]))
    assert (written.rows.tolist(), written.are_original) == ([0, 2], False)
