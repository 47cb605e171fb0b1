"""Several ways to read CryoSPARC's columns of optics, whose signs and directions are not documented.

A table holds the usual reading of cryosparc_optics; the others are made from it. Which one the images fit is compared in
heterogeneity.optics_comparison, and kept in the run.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gem_plugin.imaging.zernike import EVEN, ODD
from gem_plugin.particles.optics import Optics
from gem_plugin.particles.table import ParticleTable
from gem_plugin.particles.zernike_phases import largest_phase
from gem_plugin.units import electron_wavelength_in_angstroms

MAGNIFICATION, TILT, TREFOIL, SHIFT, TETRAFOIL = (
    *("ctf/anisomag", "ctf/tilt_A", "ctf/trefoil_A"),
    *("ctf/shift_A", "ctf/tetra_A"),
)
SIGNS = ("usual sign", "opposite sign")
READINGS = {  # the usual one first; K = I + anisomag
    MAGNIFICATION: ("M = K^-1", "M = K", "M = K^-T", "M = K^T"),
    **{name: SIGNS for name in (TILT, TREFOIL, SHIFT, TETRAFOIL)},
}
Readings = Mapping[str, str]  # column -> reading; the usual one where a column is not there
COMA, SHIFT_TERMS, TREFOIL_TERMS = [4, 3], [1, 0], [5, 2]  # positions of x and y, or cosine and sine


def read_as(
    optics: Optics,  # of prepared images, in the usual reading
    readings: Readings,
) -> Optics:
    """The unsettled optics in other readings; removed_odd_zernike is then what is to be removed."""
    other = _all_read_as(optics, readings)
    kept = ~optics.is_unsettled
    for name in ("removed_odd_zernike", "even_zernike", "magnification"):
        getattr(other, name)[kept] = getattr(optics, name)[kept]
    return other


def _all_read_as(optics: Optics, readings: Readings) -> Optics:
    odd = optics.removed_odd_zernike.astype(np.float64)
    for name in (TILT, TREFOIL, SHIFT):
        if _is_opposite(readings, name):
            odd -= 2 * _odd_part(optics.removed_odd_zernike, name)
    sign = -1 if _is_opposite(readings, TETRAFOIL) else 1
    return replace(
        optics,
        removed_odd_zernike=odd.astype(np.float32),
        even_zernike=sign * optics.even_zernike,
        magnification=_magnification(optics.magnification, readings),
    )


def _is_opposite(readings: Readings, name: str) -> bool:
    return readings.get(name, SIGNS[0]) == SIGNS[1]


def _odd_part(odd_zernike: np.ndarray, name: str) -> np.ndarray:  # (k, 20)
    """Coefficients 0 and 1 hold the shift and twice those of the coma."""
    part = np.zeros_like(odd_zernike, dtype=np.float64)
    coma = odd_zernike[:, COMA].astype(np.float64)
    if name == TILT:
        part[:, COMA], part[:, SHIFT_TERMS] = coma, 2 * coma
    elif name == SHIFT:
        part[:, SHIFT_TERMS] = odd_zernike[:, SHIFT_TERMS] - 2 * coma
        part[np.abs(part) < 1e-5 * np.abs(odd_zernike)] = 0  # rounding of the sum
    else:
        part[:, TREFOIL_TERMS] = odd_zernike[:, TREFOIL_TERMS]
    return part


def _magnification(usual: np.ndarray, readings: Readings) -> np.ndarray:  # (k, 2, 2)
    reading = readings.get(MAGNIFICATION, READINGS[MAGNIFICATION][0])
    if reading == READINGS[MAGNIFICATION][0]:
        return usual.copy()
    has_inverse = reading in ("M = K", "M = K^T")
    matrix = np.linalg.inv(usual.astype(np.float64)) if has_inverse else usual.astype(np.float64)
    if reading in ("M = K^-T", "M = K^T"):
        matrix = matrix.transpose(0, 2, 1)
    return matrix.astype(np.float32)


def phase_difference(
    one: Optics,  # of prepared images, k rows
    other: Optics,
    table: ParticleTable,  # on the working grid
) -> float:  # radians
    """The largest phase up to the working Nyquist frequency by which two readings differ, in the image or in the CTF."""
    nyquist = 1 / (2 * table.pixel_size_in_angstroms)
    odd = largest_phase(one.removed_odd_zernike - other.removed_odd_zernike, ODD, nyquist)[1].max()
    even = largest_phase(one.even_zernike - other.even_zernike, EVEN, nyquist)[1].max()
    stretch = np.linalg.norm(one.magnification - other.magnification, ord=2, axis=(1, 2)).max()
    radius = table.box_size * table.pixel_size_in_angstroms / 4  # of a particle of half the box
    wavelength = float(electron_wavelength_in_angstroms(np.median(table.voltage_in_kilovolts)))
    defocus = float(np.median(np.abs(table.defocus_u_in_angstroms)))
    at_rim = 2 * np.pi * stretch * radius * nyquist
    of_ctf = 2 * np.pi * wavelength * defocus * stretch * nyquist**2
    return float(max(odd, even, at_rim, of_ctf))
