"""CryoSPARC's columns as phases: the formulas of its fields written out, in the usual reading."""

from pathlib import Path

import numpy as np
import pytest
import torch
from cryosparc_rows import make_rows, only_fields

from gem_plugin.errors import InputError
from gem_plugin.imaging.zernike import EVEN, ODD, zernike_sum
from gem_plugin.io.cryosparc.files import write_cs_rows
from gem_plugin.notices import NOTE, listening
from gem_plugin.particles.cryosparc_optics import cryosparc_optics, kinds_of_optics
from gem_plugin.particles.from_cryosparc import read_cryosparc_particles
from gem_plugin.particles.optics import Optics, plain_optics
from gem_plugin.units import electron_wavelength_in_angstroms

WAVELENGTH = electron_wavelength_in_angstroms(300.0)
X, Y = np.meshgrid(np.linspace(-0.3, 0.3, 7), np.linspace(-0.3, 0.3, 5))
R, T = np.hypot(X, Y), np.arctan2(Y, X)


def read(tmp_path: Path, rows: np.ndarray):
    write_cs_rows(tmp_path / "particles.cs", rows)
    with listening(lambda notice: None) as heard:
        table = read_cryosparc_particles(tmp_path / "particles.cs")
    assert {notice.level for notice in heard} <= {NOTE}
    return table, [notice.sentence for notice in heard]


def phases(optics: Optics, kind: int) -> np.ndarray:
    coefficients = optics.odd_zernike if kind == ODD else optics.even_zernike
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    return zernike_sum(torch.from_numpy(coefficients[:1]).double(), x, y, kind)[0].numpy()


def test_plain_rows_are_silent_and_one_kind(tmp_path: Path) -> None:
    table, notes = read(tmp_path, make_rows(6))
    assert notes == []
    assert table.optics == plain_optics()
    assert not table.optics.is_unsettled.any()


def test_files_without_these_columns_have_plain_optics() -> None:
    rows = make_rows(3)
    names = [name for name in rows.dtype.names if name.split("_")[0] not in ("ctf/tilt", "ctf/trefoil")]
    assert cryosparc_optics(rows[names], Path("a.cs"))[0] == plain_optics()
    assert kinds_of_optics(only_fields(rows, "ctf"))[0]["ctf/tetra_A"].tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("aberration", [2.7, 0.0, -30.0])
def test_beam_tilt_is_a_length_that_acts_without_spherical_aberration(
    tmp_path: Path, aberration: float
) -> None:
    rows = make_rows(3)
    rows["ctf/tilt_A"], rows["ctf/cs_mm"] = (8000.0, -3000.0), aberration
    table, notes = read(tmp_path, rows)
    expected = -2 * np.pi * WAVELENGTH**2 * R**2 * (8000 * X - 3000 * Y)
    np.testing.assert_allclose(phases(table.optics, ODD), expected, atol=1e-5)
    assert "corrected here: ctf/tilt_A (beam tilt), which changes phases by 45 degrees at" in notes[0]


def test_trefoil_and_image_shift(tmp_path: Path) -> None:
    rows = make_rows(3)
    rows["ctf/trefoil_A"] = (20000.0, -7000.0)
    table, _ = read(tmp_path, rows)
    trefoil = 20000 * np.cos(3 * T) - 7000 * np.sin(3 * T)
    np.testing.assert_allclose(
        phases(table.optics, ODD), -(2 * np.pi / 3) * WAVELENGTH**2 * R**3 * trefoil, atol=1e-5
    )
    rows = make_rows(3)
    rows["ctf/shift_A"] = (3.0, -1.5)
    table, _ = read(tmp_path, rows)
    np.testing.assert_allclose(phases(table.optics, ODD), -2 * np.pi * (3 * X - 1.5 * Y), atol=1e-5)


def test_tetrafoil_is_a_bare_fourth_power(tmp_path: Path) -> None:
    rows = make_rows(3)
    rows["ctf/tetra_A"] = lengths = (2e5, -1e5, 3e5, 0.5e5)
    table, notes = read(tmp_path, rows)
    two = lengths[0] * np.cos(2 * T) + lengths[1] * np.sin(2 * T)
    four = lengths[2] * np.cos(4 * T) + lengths[3] * np.sin(4 * T)
    expected = WAVELENGTH**3 * R**4 * (2 * np.pi * two + np.pi / 2 * four)
    np.testing.assert_allclose(phases(table.optics, EVEN), expected, atol=1e-5)
    assert "ctf/tetra_A (tetrafoil)" in notes[0]


def test_the_matrix_is_the_inverse_of_identity_plus_anisomag(tmp_path: Path) -> None:
    rows = make_rows(3)
    rows["ctf/anisomag"][1] = (0.02, 0.01, -0.005, -0.01)
    table, notes = read(tmp_path, rows)
    assert len(table.optics) == 2
    assert table.optics_rows.tolist() == [0, 1, 0]
    product = table.optics.magnification[1] @ [[1.02, 0.01], [-0.005, 0.99]]
    np.testing.assert_allclose(product, np.eye(2), atol=1e-6)
    np.testing.assert_array_equal(table.optics.magnification[0], np.eye(2))
    assert table.optics.is_unsettled.tolist() == [False, True]
    assert "magnification matrix" in notes[0]


def test_a_tiny_anisomag_stops_nothing_and_is_not_spoken_of(tmp_path: Path) -> None:
    rows = make_rows(3)
    rows["ctf/anisomag"] = (1e-5, 0, 0, -1e-5)
    table, notes = read(tmp_path, rows)
    assert notes == []
    assert table.optics.is_stretched


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ((-1, 0, 0, -1), "which is singular"),
        ((0.12, 0, 0, 0), "expected at most 5 %"),
        ((0.33, 0, 0, 0.33), "scales"),
    ],
)
def test_matrices_that_cannot_be_applied_are_refused(tmp_path: Path, matrix, message: str) -> None:
    rows = make_rows(3)
    rows["ctf/anisomag"][1] = matrix
    with pytest.raises(InputError, match=rf"ctf/anisomag plus the identity is the matrix .*{message}"):
        read(tmp_path, rows)


def test_every_different_optics_is_kept_once(tmp_path: Path) -> None:
    rows = make_rows(30)
    rows["ctf/tilt_A"][:, 0] = 1000.0 * rows["ctf/exp_group_id"]
    table, _ = read(tmp_path, rows)
    assert len(table.optics) == 3
    coma = -(2 * np.pi / 3) * WAVELENGTH**2 * rows["ctf/tilt_A"][:, 0]
    np.testing.assert_allclose(table.optics.odd_zernike[table.optics_rows, 4], coma, rtol=1e-6)


@pytest.mark.parametrize("job", ["J70", "J71", "J72", "J73", "J76", "J83"])
def test_cases_of_aberrations_are_read(shared_cases: Path, job: str) -> None:
    folder = shared_cases / "cryosparc" / "aberrations" / "P1" / job
    with listening(lambda notice: None):
        table = read_cryosparc_particles(next(folder.glob("*.cs")))
    assert table.optics.is_unsettled.any() == (job != "J76")


def test_case_of_combined_magnifications(shared_cases: Path) -> None:
    (path,) = (shared_cases / "cryosparc" / "magnification_combined" / "P1" / "J95").glob("*.cs")
    with listening(lambda notice: None):
        table = read_cryosparc_particles(path)
    matrices = table.optics.magnification[table.optics_rows]
    np.testing.assert_allclose(matrices[:, 0, 0], matrices[:, 1, 1], rtol=1e-6)
    assert np.ptp(matrices[:, 0, 0]) == pytest.approx(0.01, abs=0.002)
