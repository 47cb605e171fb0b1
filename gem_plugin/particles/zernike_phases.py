"""Phases of RELION's Zernike terms: at which resolution they start to matter. Nothing is corrected with them here."""

from collections.abc import Iterator
from math import factorial

import numpy as np

FINEST_FREQUENCY = 1.0  # 1/Angstrom: no single-particle map is finer
N_FREQUENCIES = 500
N_ANGLES = 72
ODD, EVEN = 1, 0  # lowest degree of the two sets of terms


def largest_phase(
    coefficients: np.ndarray,  # (terms,) radians, in RELION's order
    lowest_degree: int,  # ODD or EVEN
) -> tuple[
    np.ndarray, np.ndarray
]:  # frequencies in 1/Angstrom (k,), largest phase at any angle in radians (k,)
    """Along the frequency from 0 to 1/Angstrom. RELION takes the frequency itself, in 1/Angstrom, for the radius."""
    frequencies = np.linspace(0, FINEST_FREQUENCY, N_FREQUENCIES + 1)
    angles = np.linspace(0, 2 * np.pi, N_ANGLES, endpoint=False)
    phases = np.zeros((len(frequencies), len(angles)))
    for coefficient, (degree, order) in zip(coefficients, _degrees_and_orders(lowest_degree)):
        if coefficient:
            around = np.cos(order * angles) if order >= 0 else np.sin(-order * angles)
            phases += coefficient * _radial(degree, abs(order), frequencies)[:, None] * around
    return frequencies, np.abs(phases).max(axis=1)


def limit_in_angstroms(
    frequencies: np.ndarray,  # (k,) 1/Angstrom, rising
    phases: np.ndarray,  # (k,) radians
    tolerated_phase: float,
) -> float:
    """The resolution at which the phase is first above what is tolerated: infinity at all, 0 at none."""
    above = np.flatnonzero(phases > tolerated_phase)
    if not len(above):
        return 0.0
    frequency = float(frequencies[above[0]])
    return 1 / frequency if frequency else np.inf


def _degrees_and_orders(lowest_degree: int) -> Iterator[tuple[int, int]]:
    """(n, m) of each coefficient: n rises in steps of 2, and within n, m from -n to n in steps of 2."""
    degree = lowest_degree
    while True:
        for order in range(-degree, degree + 1, 2):
            yield degree, order
        degree += 2


def _radial(degree: int, order: int, radii: np.ndarray) -> np.ndarray:
    """The usual radial polynomial, 1 at radius 1."""
    half_sum, half_difference = (degree + order) // 2, (degree - order) // 2
    return sum(
        (-1) ** k
        * factorial(degree - k)
        / (factorial(k) * factorial(half_sum - k) * factorial(half_difference - k))
        * radii ** (degree - 2 * k)
        for k in range(half_difference + 1)
    )
