"""The CTF with even aberrations and a magnification matrix, against its formula written out for one frequency."""

import math

import pytest
import torch

from gem_plugin.imaging.ctf import CtfParameters, ctf_half_spectra
from gem_plugin.units import electron_wavelength_in_angstroms

BOX, PIXEL_SIZE = 32, 2.0
MATRIX = torch.tensor([[[1.03, 0.02], [-0.01, 0.96]]], dtype=torch.float64)
EVEN = torch.tensor([[0.3, -0.5, 2.0, 1.0, 30.0, 0.0, 0.0, 0.0, -20.0]], dtype=torch.float64)


def _parameters(**optics: torch.Tensor) -> CtfParameters:
    values = (12000.0, 9000.0, 35.0, 20.0, 60.0, 0.9, 300.0, 2.7, 0.1)
    return CtfParameters(*(torch.tensor([value], dtype=torch.float64) for value in values), **optics)


def _written_out(x: float, y: float, even: list[float]) -> float:
    wavelength = float(electron_wavelength_in_angstroms(torch.tensor(300.0, dtype=torch.float64)))
    r, t = math.hypot(x, y), math.atan2(y, x)
    defocus = 10500 + 1500 * math.cos(2 * (t - math.radians(35)))
    gamma = math.pi * wavelength * defocus * r**2 - math.pi / 2 * 2.7e7 * wavelength**3 * r**4
    terms = [1, r**2 * math.sin(2 * t), 2 * r**2 - 1, r**2 * math.cos(2 * t), r**4 * math.sin(4 * t)]
    terms += [0, 0, 0, r**4 * math.cos(4 * t)]
    gamma += math.radians(20) - sum(c * z for c, z in zip(even, terms, strict=True))
    return 0.9 * math.exp(-60 * r**2 / 4) * (math.sqrt(0.99) * math.sin(gamma) + 0.1 * math.cos(gamma))


@pytest.mark.parametrize(("row", "column"), [(3, 5), (30, 2), (0, 7), (12, 0)])
def test_even_terms_and_magnification(row: int, column: int) -> None:
    found = ctf_half_spectra(_parameters(even_zernike=EVEN, magnification=MATRIX), BOX, PIXEL_SIZE)
    x, y = column / (BOX * PIXEL_SIZE), (row if row < BOX // 2 else row - BOX) / (BOX * PIXEL_SIZE)
    (m00, m01), (m10, m11) = MATRIX[0].tolist()
    expected = _written_out(m00 * x + m01 * y, m10 * x + m11 * y, EVEN[0].tolist())
    assert float(found[0, row, column]) == pytest.approx(expected, abs=1e-6)


def test_no_aberrations_change_nothing() -> None:
    plain = ctf_half_spectra(_parameters(), BOX, PIXEL_SIZE)
    nothing = {"even_zernike": torch.zeros(1, 9).double(), "magnification": torch.eye(2).double()[None]}
    torch.testing.assert_close(ctf_half_spectra(_parameters(**nothing), BOX, PIXEL_SIZE), plain)


def test_rows_are_taken_with_their_optics() -> None:
    parameters = _parameters(even_zernike=EVEN)
    assert parameters.take(torch.tensor([0, 0])).even_zernike.shape == (2, 9)
    assert parameters.take(torch.tensor([0])).magnification is None
