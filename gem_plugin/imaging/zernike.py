"""Aberrations as RELION writes them: sums of Zernike polynomials whose radius is the frequency in 1/Angstrom.

Z(n, m) = R_n^|m|(r) cos(m t) for m >= 0 and R_n^|m|(r) sin(|m| t) below, R with R(1) = 1. Odd sums are phases of the image,
even sums belong to gamma of the CTF. Signs and order were compared with relion_reconstruct and relion_project.
"""

from __future__ import annotations

from functools import cache
from math import factorial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

ODD, EVEN = 1, 0  # lowest degree n of the two sets of terms
ODD_COUNTS, EVEN_COUNTS = (2, 6, 12, 20), (1, 4, 9, 16)  # coefficients up to a whole degree


def zernike_sum(
    coefficients: Tensor,  # (batch, k) radians, in RELION's order; rows may end in zeros
    frequency_x: Tensor,  # (..., h, w) 1/A, broadcast against (batch, h, w)
    frequency_y: Tensor,
    lowest_degree: int,  # ODD or EVEN
) -> Tensor:  # (batch, h, w) radians
    """The sum of all terms at the given frequencies."""
    import torch  # not wanted for the numbers above

    used = torch.nonzero((coefficients != 0).any(dim=0)).flatten().tolist()
    total = torch.zeros(
        torch.broadcast_shapes(frequency_x.shape, frequency_y.shape, (len(coefficients), 1, 1)),
        dtype=frequency_x.dtype,
        device=frequency_x.device,
    )
    if not used:
        return total
    squared = frequency_x**2 + frequency_y**2
    powers = [
        torch.complex(*torch.broadcast_tensors(torch.ones_like(frequency_x), torch.zeros_like(frequency_y)))
    ]
    direction = torch.complex(*torch.broadcast_tensors(frequency_x, frequency_y))
    for index in used:
        degree, order = degree_and_order(index, lowest_degree)
        while len(powers) <= abs(order):
            powers.append(powers[-1] * direction)  # (x + iy)^m = r^m (cos mt + i sin mt)
        around = powers[abs(order)].real if order >= 0 else powers[abs(order)].imag
        radial = torch.zeros_like(squared)
        for power, factor in radial_factors(degree, abs(order)):
            radial = radial + factor * squared ** ((power - abs(order)) // 2)
        total = total + coefficients[:, index, None, None] * (radial * around)
    return total


def degree_and_order(index: int, lowest_degree: int) -> tuple[int, int]:
    """(n, m) of a coefficient: n rises in steps of 2, and within n, m from -n to n in steps of 2."""
    degree = lowest_degree
    while index > degree:
        index -= degree + 1
        degree += 2
    return degree, 2 * index - degree


@cache
def radial_factors(degree: int, order: int) -> list[tuple[int, float]]:
    """(power of r, factor) of the usual radial polynomial."""
    half_sum, half_difference = (degree + order) // 2, (degree - order) // 2
    return [
        (
            degree - 2 * k,
            (-1) ** k
            * factorial(degree - k)
            / (factorial(k) * factorial(half_sum - k) * factorial(half_difference - k)),
        )
        for k in range(half_difference + 1)
    ]
