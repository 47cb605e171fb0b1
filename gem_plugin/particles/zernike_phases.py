"""Largest phases of Zernike sums along the frequency: at which resolution aberrations start to matter."""

import numpy as np

from gem_plugin.imaging.zernike import zernike_sum

FINEST_FREQUENCY = 1.0  # 1/Angstrom: no single-particle map is finer
N_FREQUENCIES = 500
N_ANGLES = 72
TOLERATED_PHASE_IN_RADIANS = np.pi / 4


def largest_phase(
    coefficients: np.ndarray,  # (k, terms) radians, in RELION's order
    lowest_degree: int,  # ODD or EVEN of imaging.zernike
    finest_frequency: float = FINEST_FREQUENCY,  # 1/Angstrom
) -> tuple[
    np.ndarray, np.ndarray
]:  # frequencies in 1/Angstrom (f,), largest phase at any angle in any of the k sums in radians (f,)
    """Along the frequency from 0 on. RELION takes the frequency itself, in 1/Angstrom, for the radius."""
    import torch

    frequencies = np.linspace(0, finest_frequency, N_FREQUENCIES + 1)
    angles = np.linspace(0, 2 * np.pi, N_ANGLES, endpoint=False)
    x, y = (torch.from_numpy(np.outer(frequencies, around(angles))) for around in (np.cos, np.sin))
    largest = torch.zeros(len(frequencies), dtype=torch.float64)
    for one in np.unique(coefficients.astype(np.float64), axis=0):
        phases = zernike_sum(torch.from_numpy(one[None]), x, y, lowest_degree)[0]
        largest = torch.maximum(largest, phases.abs().amax(dim=1))
    return frequencies, largest.numpy()


def limit_in_angstroms(
    frequencies: np.ndarray,  # (k,) 1/Angstrom, rising
    phases: np.ndarray,  # (k,) radians
    tolerated_phase: float = TOLERATED_PHASE_IN_RADIANS,
) -> float:
    """The resolution at which the phase is first above what is tolerated: infinity at all, 0 at none."""
    above = np.flatnonzero(phases > tolerated_phase)
    if not len(above):
        return 0.0
    first = int(above[0])
    if first == 0:
        return np.inf
    around = slice(first - 1, first + 1)
    return 1 / float(np.interp(tolerated_phase, phases[around], frequencies[around]))
