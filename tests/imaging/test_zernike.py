"""Zernike sums against the polynomials written out, in RELION's order."""

import numpy as np
import pytest
import torch

from gem_plugin.imaging.zernike import EVEN, EVEN_COUNTS, ODD, ODD_COUNTS, degree_and_order, zernike_sum

X, Y = (torch.from_numpy(grid) for grid in np.meshgrid(np.linspace(-0.4, 0.4, 9), np.linspace(-0.4, 0.4, 7)))
R, T = torch.hypot(X, Y), torch.atan2(Y, X)
WRITTEN_OUT = {
    (ODD, 0): Y,
    (ODD, 1): X,
    (ODD, 2): R**3 * torch.sin(3 * T),
    (ODD, 3): (3 * R**2 - 2) * Y,
    (ODD, 4): (3 * R**2 - 2) * X,
    (ODD, 5): R**3 * torch.cos(3 * T),
    (EVEN, 0): torch.ones_like(R),
    (EVEN, 1): R**2 * torch.sin(2 * T),
    (EVEN, 2): 2 * R**2 - 1,
    (EVEN, 3): R**2 * torch.cos(2 * T),
    (EVEN, 4): R**4 * torch.sin(4 * T),
    (EVEN, 5): (4 * R**4 - 3 * R**2) * torch.sin(2 * T),
    (EVEN, 6): 6 * R**4 - 6 * R**2 + 1,
    (EVEN, 7): (4 * R**4 - 3 * R**2) * torch.cos(2 * T),
    (EVEN, 8): R**4 * torch.cos(4 * T),
}


@pytest.mark.parametrize("which", WRITTEN_OUT)
def test_one_coefficient_is_one_polynomial(which: tuple[int, int]) -> None:
    lowest, index = which
    coefficients = torch.zeros(2, 12, dtype=torch.float64)
    coefficients[1, index] = -1.5
    found = zernike_sum(coefficients, X, Y, lowest)
    torch.testing.assert_close(found[0], torch.zeros_like(X))
    torch.testing.assert_close(found[1], -1.5 * WRITTEN_OUT[which])


def test_terms_add_up() -> None:
    generator = torch.Generator().manual_seed(0)
    coefficients = torch.randn(3, 20, generator=generator, dtype=torch.float64)
    each = torch.zeros(3, *X.shape, dtype=torch.float64)
    for index in range(20):
        one = torch.zeros_like(coefficients)
        one[:, index] = coefficients[:, index]
        each += zernike_sum(one, X, Y, ODD)
    torch.testing.assert_close(zernike_sum(coefficients, X, Y, ODD), each)


def test_whole_degrees_have_the_known_numbers_of_coefficients() -> None:
    for lowest, counts in ((ODD, ODD_COUNTS), (EVEN, EVEN_COUNTS)):
        for count in counts:
            degree, order = degree_and_order(count - 1, lowest)
            assert degree == order, "the last one of its degree"


def test_frequencies_may_differ_from_image_to_image() -> None:
    coefficients = torch.ones(2, 2, dtype=torch.float64)
    found = zernike_sum(coefficients, torch.stack([X, 2 * X]), torch.stack([Y, Y]), ODD)
    torch.testing.assert_close(found, torch.stack([X + Y, 2 * X + Y]))
