"""Where Zernike sums reach 45 degrees."""

import numpy as np
import pytest

from gem_plugin.imaging.zernike import EVEN, ODD
from gem_plugin.particles.zernike_phases import largest_phase, limit_in_angstroms


def coefficient(index: int, value: float) -> np.ndarray:
    return np.array([[0.0] * index + [value]])


@pytest.mark.parametrize(
    ("lowest_degree", "index", "formula"),
    [
        (ODD, 0, lambda r: r),
        (ODD, 2, lambda r: r**3),
        (ODD, 4, lambda r: np.abs(3 * r**3 - 2 * r)),
        (EVEN, 0, lambda r: np.ones_like(r)),
        (EVEN, 2, lambda r: np.abs(2 * r**2 - 1)),
        (EVEN, 6, lambda r: np.abs(6 * r**4 - 6 * r**2 + 1)),
        (EVEN, 7, lambda r: np.abs(4 * r**4 - 3 * r**2)),
    ],
)
def test_the_largest_phase_is_that_of_the_worst_angle(lowest_degree, index, formula) -> None:
    frequencies, phases = largest_phase(coefficient(index, 2.0), lowest_degree)
    np.testing.assert_allclose(phases, 2 * formula(frequencies), atol=1e-9)


def test_the_largest_phase_is_that_of_the_worst_sum() -> None:
    both = np.concatenate([coefficient(2, 1.0), coefficient(2, -3.0)])
    frequencies, phases = largest_phase(both, ODD, finest_frequency=0.25)
    assert frequencies[-1] == 0.25
    np.testing.assert_allclose(phases, 3 * frequencies**3, atol=1e-9)


@pytest.mark.parametrize(
    ("lowest_degree", "index", "value", "resolution"),
    [(ODD, 2, 30, 3.4), (ODD, 5, 100, 5.0), (EVEN, 8, 100, 3.4), (EVEN, 4, 10, 1.9)],
)
def test_resolution_at_which_45_degrees_are_reached(lowest_degree, index, value, resolution) -> None:
    limit = limit_in_angstroms(*largest_phase(coefficient(index, value), lowest_degree))
    assert limit == pytest.approx(resolution, abs=0.06)


def test_a_constant_above_45_degrees_has_no_harmless_resolution() -> None:
    assert limit_in_angstroms(*largest_phase(coefficient(0, 1.0), EVEN)) == np.inf
    assert limit_in_angstroms(*largest_phase(coefficient(0, 0.3), EVEN)) == 0
