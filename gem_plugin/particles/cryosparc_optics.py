"""CryoSPARC's aberrations and magnification in the terms of imaging.zernike, in the usual reading of its columns.

Phases of the image: -2 pi s . (shift_A + lambda^2 |s|^2 tilt_A) - (2 pi / 3) lambda^2 s^3 (T0 cos 3t + T1 sin 3t).
Even terms: lambda^3 s^4 [2 pi (A0 cos 2t + A1 sin 2t) + pi / 2 (A2 cos 4t + A3 sin 4t)]. M = (I + anisomag)^-1.
The sign of tilt_A is agreed on; the others have one source each, and optics_readings compares them with the images.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from gem_plugin.imaging.zernike import EVEN, EVEN_COUNTS, ODD, ODD_COUNTS
from gem_plugin.particles.applied_optics import (
    Aberration,
    check_can_be_inverted,
    check_magnification,
    note_applied,
)
from gem_plugin.particles.optics import Optics, different_rows, plain_optics
from gem_plugin.particles.tilt_coefficients import zernike_of_tilt
from gem_plugin.units import electron_wavelength_in_angstroms

WIDTHS = {  # numbers in each column
    "ctf/tilt_A": 2,
    "ctf/trefoil_A": 2,
    "ctf/shift_A": 2,
    "ctf/tetra_A": 4,
    "ctf/anisomag": 4,
}
MATRIX_IN_WORDS = "ctf/anisomag plus the identity"
TREFOIL_COSINE, TREFOIL_SINE = 5, 2  # positions among the odd coefficients
SHIFT_X, SHIFT_Y = 1, 0


def cryosparc_optics(
    rows: np.ndarray,  # (n,) structured
    source: Path,  # for messages
) -> tuple[Optics, np.ndarray]:  # the different ones, and which one each row has, (n,) int32
    """Read what is applied of the optics, and say so; matrices that no microscope has are refused."""
    present = rows.dtype.names or ()
    if not any(name in present and np.any(rows[name]) for name in WIDTHS):
        return plain_optics(), np.zeros(len(rows), np.int32)
    kinds, which = kinds_of_optics(rows)
    magnification = magnification_of(kinds, source)
    check_magnification(np.linalg.inv(magnification), f"{source}: {MATRIX_IN_WORDS}")
    of_columns = {
        name: odd_coefficients(kinds, name) for name in ("ctf/tilt_A", "ctf/trefoil_A", "ctf/shift_A")
    }
    even = even_coefficients(kinds)
    aberrations = [Aberration(f"{name} ({_meaning(name)})", of_columns[name], ODD) for name in of_columns]
    aberrations.append(Aberration("ctf/tetra_A (tetrafoil)", even, EVEN))
    note_applied(source, aberrations, magnification)
    odd = sum(of_columns.values())
    is_unsettled = np.any([kinds[name].any(axis=1) for name in WIDTHS], axis=0)
    optics = Optics(*(np.asarray(values, dtype=np.float32) for values in (odd, even, magnification)))
    return replace(optics, is_unsettled=is_unsettled), which


def _meaning(name: str) -> str:
    return {"ctf/tilt_A": "beam tilt", "ctf/trefoil_A": "trefoil", "ctf/shift_A": "image shift"}[name]


def kinds_of_optics(
    rows: np.ndarray,  # (n,) structured
) -> tuple[dict[str, np.ndarray], np.ndarray]:  # columns (k, width) and wavelength (k,); (n,) int32
    """The different optics of the rows, and which one each row has."""
    present = rows.dtype.names or ()
    columns = {
        name: rows[name].astype(np.float64) if name in present else np.zeros((len(rows), width))
        for name, width in WIDTHS.items()
    }
    voltage = rows["ctf/accel_kv"].astype(np.float64)
    first, which = different_rows([voltage, *(part for values in columns.values() for part in values.T)])
    kinds = {name: values[first] for name, values in columns.items()}
    kinds["wavelength"] = electron_wavelength_in_angstroms(voltage[first])
    return kinds, which


def odd_coefficients(kinds: dict[str, np.ndarray], name: str) -> np.ndarray:  # (k, 20) radians
    """The odd Zernike coefficients that stand for one column. Nothing is divided by the spherical aberration, which may be 0."""
    values, wavelength = kinds[name], kinds["wavelength"]
    if name == "ctf/tilt_A":
        return zernike_of_tilt(values, wavelength)
    coefficients = np.zeros((len(values), ODD_COUNTS[-1]))
    if name == "ctf/shift_A":
        coefficients[:, SHIFT_X], coefficients[:, SHIFT_Y] = -2 * np.pi * values.T
    else:
        of_trefoil = -(2 * np.pi / 3) * wavelength**2 * values.T
        coefficients[:, TREFOIL_COSINE], coefficients[:, TREFOIL_SINE] = of_trefoil
    return coefficients


def even_coefficients(kinds: dict[str, np.ndarray]) -> np.ndarray:  # (k, 16) radians
    """The even Zernike coefficients of ctf/tetra_A; those of degree 4 carry s^2 terms that those of degree 2 take off."""
    scaled = np.pi / 2 * kinds["wavelength"] ** 3 * kinds["ctf/tetra_A"].T  # (4, k)
    coefficients = np.zeros((scaled.shape[1], EVEN_COUNTS[-1]))
    coefficients[:, 7], coefficients[:, 5], coefficients[:, 8], coefficients[:, 4] = scaled
    coefficients[:, 3], coefficients[:, 1] = 3 * coefficients[:, 7], 3 * coefficients[:, 5]
    return coefficients


def magnification_of(kinds: dict[str, np.ndarray], source: Path) -> np.ndarray:  # (k, 2, 2)
    """M = (I + anisomag)^-1."""
    stretches = np.eye(2) + kinds["ctf/anisomag"].reshape(-1, 2, 2)
    check_can_be_inverted(stretches, f"{source}: {MATRIX_IN_WORDS}")
    inverse = np.linalg.inv(stretches)
    is_plain = ~kinds["ctf/anisomag"].any(axis=1)
    inverse[is_plain] = np.eye(2)
    return inverse
