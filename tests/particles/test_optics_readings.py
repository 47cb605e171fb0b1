"""Other readings of CryoSPARC's columns, made from the usual one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cryosparc_rows import make_rows

from gem_plugin.notices import listening
from gem_plugin.particles.cryosparc_optics import cryosparc_optics
from gem_plugin.particles.optics import Optics
from gem_plugin.particles.optics_readings import READINGS, read_as

STRETCH = np.array([[1.02, 0.01], [-0.005, 0.99]])
VALUES = {
    "ctf/tilt_A": (8000.0, -3000.0),
    "ctf/trefoil_A": (20000.0, -7000.0),
    "ctf/shift_A": (3.0, -1.5),
    "ctf/tetra_A": (2e5, -1e5, 3e5, 0.5e5),
    "ctf/anisomag": tuple((STRETCH - np.eye(2)).ravel()),
}


def optics(negated: str = "") -> Optics:
    """As prepared images have them, with all columns, the named one with the opposite sign."""
    rows = make_rows(2)
    for name, values in VALUES.items():
        rows[name] = -np.array(values) if name == negated else values
    with listening(lambda notice: None):
        return cryosparc_optics(rows, Path("a.cs"))[0].of_prepared_images()


@pytest.mark.parametrize("name", ["ctf/tilt_A", "ctf/trefoil_A", "ctf/shift_A", "ctf/tetra_A"])
def test_the_opposite_sign_is_the_column_negated(name: str) -> None:
    found, expected = read_as(optics(), {name: "opposite sign"}), optics(negated=name)
    np.testing.assert_allclose(found.removed_odd_zernike, expected.removed_odd_zernike, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(found.even_zernike, expected.even_zernike, rtol=1e-6)


@pytest.mark.parametrize(
    ("reading", "matrix"),
    [
        ("M = K^-1", np.linalg.inv(STRETCH)),
        ("M = K", STRETCH),
        ("M = K^-T", np.linalg.inv(STRETCH).T),
        ("M = K^T", STRETCH.T),
    ],
)
def test_readings_of_the_matrix(reading: str, matrix: np.ndarray) -> None:
    found = read_as(optics(), {"ctf/anisomag": reading})
    np.testing.assert_allclose(found.magnification[0], matrix, atol=1e-6)


def test_the_usual_readings_change_nothing() -> None:
    assert read_as(optics(), {name: readings[0] for name, readings in READINGS.items()}) == optics()


def test_settled_optics_are_never_read_otherwise() -> None:
    settled = replace(optics(), is_unsettled=np.array([False]))
    other = {name: readings[1] for name, readings in READINGS.items()}
    assert read_as(settled, other) == settled
