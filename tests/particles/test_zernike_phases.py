"""RELION's Zernike terms against their formulas written out, and where they reach 45 degrees."""

import numpy as np
import pytest

from gem_plugin.particles.zernike_phases import EVEN, ODD, largest_phase, limit_in_angstroms


def coefficient(index: int, value: float) -> np.ndarray:
    return np.array([0.0] * index + [value])


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
def test_terms_are_those_of_relion_with_the_frequency_as_radius(lowest_degree, index, formula) -> None:
    frequencies, phases = largest_phase(coefficient(index, 2.0), lowest_degree)
    np.testing.assert_allclose(phases, 2 * formula(frequencies), atol=1e-9)


@pytest.mark.parametrize(
    ("lowest_degree", "index", "value", "resolution"),
    [(ODD, 2, 30, 3.4), (ODD, 5, 100, 5.0), (EVEN, 8, 100, 3.4), (EVEN, 4, 10, 1.9)],
)
def test_resolution_at_which_45_degrees_are_reached(lowest_degree, index, value, resolution) -> None:
    limit = limit_in_angstroms(*largest_phase(coefficient(index, value), lowest_degree), np.pi / 4)
    assert limit == pytest.approx(resolution, abs=0.06)


def test_a_constant_above_45_degrees_has_no_harmless_resolution() -> None:
    assert limit_in_angstroms(*largest_phase(coefficient(0, 1.0), EVEN), np.pi / 4) == np.inf
    assert limit_in_angstroms(*largest_phase(coefficient(0, 0.3), EVEN), np.pi / 4) == 0
