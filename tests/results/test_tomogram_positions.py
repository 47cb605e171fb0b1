"""Positions for other programs: the star file places and points every particle as the truth does, points are in napari's order."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import starfile
from tilt_projects import FORMS, RELION, SERIES, WARPTOOLS, changed_star, copied, read, truth_of
from tilt_run import make_tilt_run

from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.tilt_series.coordinates import CENTRED, FROM_CORNER
from gem_plugin.particles.tilt_series.geometry import euler_matrices
from gem_plugin.particles.tilt_series.stack_columns import ANGLES, ORIGINS
from gem_plugin.results.run import Run
from gem_plugin.results.tomogram_positions import TomogramPositions, positions_of_run

STATES = np.array([1, 2, 0] * 4)


def positions(project: Path, folder: Path, form: str) -> TomogramPositions:
    found = positions_of_run(Run(make_tilt_run(project, folder / "run", form)))
    assert found is not None
    return found


def block_of(text: str, folder: Path):
    path = folder / "positions.star"
    path.write_text(text)
    return starfile.read(path, always_dict=True)["particles"]


def numbers(block, labels) -> np.ndarray:
    return np.stack([block[label.removeprefix("_")].to_numpy(float) for label in labels], axis=1)


@pytest.mark.parametrize("form", [RELION, WARPTOOLS])
def test_a_reader_without_origins_and_subtomogram_angles_has_each_particle_where_it_is(
    tilt_project, tmp_path, form
):
    """As ArtiaX reads it: position by coordinates and zero origins, orientation by the three angles alone."""
    truth = read(tilt_project / form)
    assert np.abs(truth.origins_in_angstroms).max() > 1 or form == WARPTOOLS
    block = block_of(positions(tilt_project, tmp_path, form).star_text(STATES), tmp_path)
    assert block["rlnTomoParticleName"].tolist() == truth.names.tolist()
    assert block["rlnTomoName"].tolist() == truth.tomograms.tolist()
    assert block["rlnClassNumber"].tolist() == STATES.tolist()
    np.testing.assert_allclose(numbers(block, CENTRED), truth.coordinates_in_angstroms, atol=1e-3)
    np.testing.assert_array_equal(numbers(block, ORIGINS), 0)
    np.testing.assert_allclose(euler_matrices(numbers(block, ANGLES)), truth.rotation_matrices, atol=1e-5)
    assert not [label for label in block if "Subtomogram" in label]


def test_warptools_pixels_from_the_corner_are_those_of_its_file(tilt_project, tmp_path):
    block = block_of(positions(tilt_project, tmp_path, WARPTOOLS).star_text(STATES), tmp_path)
    given = starfile.read(tilt_project / "warptools" / "particles.star", always_dict=True)["particles"]
    truth = read(tilt_project / WARPTOOLS)
    moved = np.einsum(
        "nij,nj->ni", euler_matrices(truth.subtomogram_angles_in_degrees), truth.origins_in_angstroms
    )
    expected = numbers(given, FROM_CORNER) - moved / truth.pixel_size_in_angstroms
    np.testing.assert_allclose(numbers(block, FROM_CORNER), expected, atol=1e-3)


def test_relion_4_pixels_from_the_corner_lose_the_origins(tilt_project, tmp_path):
    project = copied(tilt_project, tmp_path)
    with changed_star(project / "relion5" / "particles.star") as blocks:
        table = blocks["particles"]
        for axis, size in zip("XYZ", (4000, 4000, 1200)):
            table[f"rlnCoordinate{axis}"] = table.pop(f"rlnCenteredCoordinate{axis}Angst") / 2.0 + size // 2
    block = block_of(positions(project, tmp_path, RELION).star_text(STATES), tmp_path)
    in_angstroms = (numbers(block, FROM_CORNER) - np.array([4000, 4000, 1200]) // 2) * 2.0
    np.testing.assert_allclose(in_angstroms, read(tilt_project / RELION).coordinates_in_angstroms, atol=2e-3)
    assert "rlnCoordinateX" not in block_of(
        positions(tilt_project, tmp_path / "5", RELION).star_text(STATES), tmp_path
    )


def test_a_file_that_was_moved_away_leaves_the_coordinates_in_angstrom(tilt_project, tmp_path):
    project = copied(tilt_project, tmp_path)
    run = make_tilt_run(project, tmp_path / "run", WARPTOOLS)
    (project / "warptools" / "particles.star").unlink()
    found = positions_of_run(Run(run))
    assert found is not None
    assert found.from_corner_in_pixels is None
    assert len(block_of(found.star_text(STATES), tmp_path)) == 12


def test_points_are_z_y_x_with_tomogram_and_state(tilt_project, tmp_path):
    found = positions(tilt_project, tmp_path, RELION)
    rows = list(csv.DictReader(io.StringIO(found.points_text(STATES))))
    truth = truth_of(tilt_project)
    assert list(rows[0]) == ["index", "axis-0", "axis-1", "axis-2", "tomogram", "state", "particle"]
    points = np.array([[float(row[f"axis-{axis}"]) for axis in range(3)] for row in rows])
    np.testing.assert_allclose(points[:, ::-1], found.positions_in_angstroms, rtol=1e-5)
    assert len(truth["which"]) == len(rows)
    assert [int(row["state"]) for row in rows] == STATES.tolist()


def test_one_tomogram_can_be_taken(tilt_project, tmp_path):
    found = positions(tilt_project, tmp_path, RELION)
    block = block_of(found.star_text(STATES, "TS_02"), tmp_path)
    assert set(block["rlnTomoName"]) == {"TS_02"}
    assert len(block) == (found.tomograms == "TS_02").sum() == 4
    assert found.points_text(STATES, "TS_02").count("\n") == 5


def test_without_positions_there_is_nothing(tilt_project, tmp_path):
    assert positions_of_run(Run(make_tilt_run(tilt_project, tmp_path / "run", SERIES))) is None
    assert positions_of_run(Run(RunFiles(tmp_path / "single"))) is None
    assert FORMS == (RELION, WARPTOOLS, SERIES)
