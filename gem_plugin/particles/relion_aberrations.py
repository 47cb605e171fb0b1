"""Optics that RELION corrects and GEM does not: what that means is reported when a particle file is read."""

import warnings

import numpy as np

from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import RelionFile
from gem_plugin.units import ANGSTROMS_PER_MILLIMETRE, electron_wavelength_in_angstroms

BEAM_TILT = ("_rlnBeamTiltX", "_rlnBeamTiltY")  # milliradians
CTF_COLUMNS = ("_rlnVoltage", "_rlnSphericalAberration")
ZERNIKE = ("_rlnOddZernike", "_rlnEvenZernike")  # coefficients as [a,b,...]
MAGNIFICATION = ("_rlnMagMat00", "_rlnMagMat01", "_rlnMagMat10", "_rlnMagMat11")
TOLERATED_PHASE_IN_RADIANS = np.pi / 4
NEGLIGIBLE_MAGNIFICATION = (
    1e-3  # a thousandth moves the rim of a 128 pixel box by less than a tenth of a pixel
)


def warn_about_aberrations(file: RelionFile) -> None:
    """One warning for each kind of optics in the file that is not corrected here."""
    if file.optics is None:
        return
    numbers = read_columns(file.document, file.optics, [*BEAM_TILT, *CTF_COLUMNS, *MAGNIFICATION])
    limit = beam_tilt_limit_in_angstroms(numbers)
    if limit > 0:
        _warn(
            file,
            f"beam tilt changes phases by less than 45 degrees only at resolutions worse than {limit:.1f} A",
        )
    present = [label for label in ZERNIKE if label in file.optics.labels]
    if present:
        _warn(file, f"higher-order aberrations ({', '.join(present)}) matter at high resolution only")
    strain = magnification_error(numbers)
    if strain > NEGLIGIBLE_MAGNIFICATION:
        _warn(file, f"anisotropic magnification stretches the images by up to {100 * strain:.2f} %")


def beam_tilt_limit_in_angstroms(optics: dict[str, np.ndarray]) -> float:
    """The resolution at which the phase error of the worst group reaches 45 degrees; 0 without beam tilt.

    A tilt t changes phases by 2 pi Cs lambda^2 t s^3.
    """
    if not {*BEAM_TILT, *CTF_COLUMNS} <= set(optics):
        return 0.0
    tilt_in_radians = 1e-3 * np.hypot(optics[BEAM_TILT[0]], optics[BEAM_TILT[1]])
    aberration = optics["_rlnSphericalAberration"] * ANGSTROMS_PER_MILLIMETRE
    wavelength = electron_wavelength_in_angstroms(optics["_rlnVoltage"])
    phase_at_1_angstrom = 2 * np.pi * aberration * wavelength**2 * tilt_in_radians
    return float((phase_at_1_angstrom.max(initial=0.0) / TOLERATED_PHASE_IN_RADIANS) ** (1 / 3))


def magnification_error(optics: dict[str, np.ndarray]) -> float:
    """Largest relative stretch of the magnification matrix in any group; 0 where there is none."""
    if not set(MAGNIFICATION) <= set(optics):
        return 0.0
    matrices = np.stack([optics[label] for label in MAGNIFICATION], axis=1).reshape(-1, 2, 2)
    return float(np.abs(np.linalg.svd(matrices, compute_uv=False) - 1).max(initial=0.0))


def _warn(file: RelionFile, what: str) -> None:
    warnings.warn(f"{file.path}: not corrected here: {what}.", stacklevel=3)
