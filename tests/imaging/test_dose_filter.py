"""The dose filter against its formula and against numbers, and as part of the CTF."""

import math

import pytest
import torch

from gem_plugin.imaging.ctf import CtfParameters, ctf_half_spectra
from gem_plugin.imaging.dose_filter import critical_doses, dose_amplitudes

BOX, PIXEL_SIZE = 32, 4.0


def _reference(frequency: float, dose: float) -> float:
    """Grant and Grigorieff's curve written out, one frequency at a time."""
    return math.exp(-dose / (2 * (0.245 * frequency**-1.665 + 2.81)))


def _parameters(**more: torch.Tensor) -> CtfParameters:
    values = (12000.0, 11000.0, 30.0, 0.0, 0.0, 0.7, 300.0, 2.7, 0.1)
    return CtfParameters(*(torch.tensor([value, value], dtype=torch.float64) for value in values), **more)


@pytest.mark.parametrize(("resolution", "amplitude"), [(40.0, 0.60), (20.0, 0.21), (10.0, 0.014)])
def test_what_120_electrons_leave(resolution: float, amplitude: float) -> None:
    squared = torch.tensor([[1 / resolution**2]], dtype=torch.float64)
    found = float(dose_amplitudes(squared, torch.tensor([120.0], dtype=torch.float64))[0, 0, 0])
    assert found == pytest.approx(_reference(1 / resolution, 120.0), rel=1e-9)
    assert found == pytest.approx(amplitude, abs=0.005)


def test_the_critical_dose_leaves_one_over_root_e() -> None:
    frequencies = torch.tensor([[0.02, 0.1, 0.3]], dtype=torch.float64)
    doses = critical_doses(frequencies)
    for column in range(3):
        found = dose_amplitudes(frequencies[:, column : column + 1] ** 2, doses[:, column])
        assert float(found) == pytest.approx(math.exp(-0.5), rel=1e-9)


def test_no_dose_and_no_frequency_change_nothing() -> None:
    squared = torch.tensor([[0.0, 0.01, 0.09]])
    assert (dose_amplitudes(squared, torch.tensor([0.0])) == 1).all()
    assert float(dose_amplitudes(squared, torch.tensor([150.0]))[0, 0, 0]) == 1


def test_a_b_factor_per_dose_takes_the_place_of_the_curve_where_it_is_given() -> None:
    squared = torch.tensor([[0.0025]], dtype=torch.float64)
    doses = torch.tensor([40.0, 40.0], dtype=torch.float64)
    found = dose_amplitudes(squared, doses, torch.tensor([2.0, 0.0], dtype=torch.float64))[:, 0, 0]
    assert float(found[0]) == pytest.approx(math.exp(-2 * 40 * 0.0025 / 4))
    assert float(found[1]) == pytest.approx(_reference(0.05, 40.0))


def test_the_ctf_of_a_tilt_image_is_its_plain_ctf_times_filter_and_weight() -> None:
    doses = torch.tensor([0.0, 90.0], dtype=torch.float64)
    plain = ctf_half_spectra(_parameters(), BOX, PIXEL_SIZE)
    found = ctf_half_spectra(_parameters(doses=doses), BOX, PIXEL_SIZE)
    torch.testing.assert_close(found[0], plain[0])
    row, column = 5, 9
    frequency = math.hypot(row, column) / (BOX * PIXEL_SIZE)
    ratio = float(found[1, row, column] / plain[1, row, column])
    assert ratio == pytest.approx(_reference(frequency, 90.0), rel=1e-9)
    assert float(found[1, 0, 0]) == pytest.approx(
        0.7 * 0.1
    )  # weight times amplitude contrast at zero frequency


def test_rows_keep_their_dose() -> None:
    parameters = _parameters(doses=torch.tensor([3.0, 6.0])).take(torch.tensor([1]))
    assert parameters.doses.tolist() == [6.0]
    assert _parameters().take(torch.tensor([1])).doses is None
