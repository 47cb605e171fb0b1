"""Optics that RELION corrects and GEM does not: what that means is reported when a particle file is read."""

from collections.abc import Mapping

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import RelionFile
from gem_plugin.notices import note, warn
from gem_plugin.particles.zernike_phases import EVEN, FINEST_FREQUENCY, ODD, largest_phase, limit_in_angstroms
from gem_plugin.units import ANGSTROMS_PER_MILLIMETRE, electron_wavelength_in_angstroms

BEAM_TILT = ("_rlnBeamTiltX", "_rlnBeamTiltY")  # milliradians
ZERNIKE = {"_rlnOddZernike": ODD, "_rlnEvenZernike": EVEN}  # coefficients as [a,b,...]
MAGNIFICATION = ("_rlnMagMat00", "_rlnMagMat01", "_rlnMagMat10", "_rlnMagMat11")
ABERRATION_COLUMNS = (*BEAM_TILT, *MAGNIFICATION)  # numbers of data_optics, of the particles in RELION 3.0
TOLERATED_PHASE_IN_RADIANS = np.pi / 4
TOLERATED_CONSTANT_IN_RADIANS = 0.05  # half of what the usual amplitude contrast is
NEGLIGIBLE_MAGNIFICATION = (
    1e-3  # a thousandth moves the rim of a 128 pixel box by less than a tenth of a pixel
)


def warn_about_aberrations(
    file: RelionFile,
    columns: Mapping[
        str, np.ndarray
    ],  # each (n,): numbers of every particle, those of its optics group among them
    pixel_size_in_angstroms: float,
    box_size: int,
) -> None:
    """One warning for each kind of optics in the file that is not corrected here; a note where it is beyond Nyquist."""
    limit = beam_tilt_limit_in_angstroms(columns)
    if limit > 0:
        _say(file, f"beam tilt {_harmless_beyond(limit)}", limit, pixel_size_in_angstroms)
    for label, lowest_degree in ZERNIKE.items():
        _warn_about_zernike(file, label, lowest_degree, pixel_size_in_angstroms)
    strain = magnification_error(columns)
    if strain > NEGLIGIBLE_MAGNIFICATION:
        width = box_size * pixel_size_in_angstroms / 2
        limit = magnification_limit_in_angstroms(strain, width / 2, columns)
        what = (
            f"anisotropic magnification stretches the images by up to {100 * strain:.2f} %, which is harmless for a particle "
            f"of {width:.0f} A across, half the box, and for its CTF only at resolutions worse than {limit:.1f} A"
        )
        _say(file, what, limit, pixel_size_in_angstroms)


def beam_tilt_limit_in_angstroms(columns: Mapping[str, np.ndarray]) -> float:
    """The resolution at which the phase error of the worst particle reaches 45 degrees; 0 without beam tilt.

    A tilt t changes phases by 2 pi Cs lambda^2 t s^3; without spherical aberration it changes nothing.
    """
    present = [columns[label] for label in BEAM_TILT if label in columns]
    if not present:
        return 0.0
    tilt_in_radians = 1e-3 * np.linalg.norm(present, axis=0)
    aberration = columns["_rlnSphericalAberration"] * ANGSTROMS_PER_MILLIMETRE
    wavelength = electron_wavelength_in_angstroms(columns["_rlnVoltage"])
    phase_at_1_angstrom = np.abs(2 * np.pi * aberration * wavelength**2 * tilt_in_radians)
    return float((phase_at_1_angstrom.max(initial=0.0) / TOLERATED_PHASE_IN_RADIANS) ** (1 / 3))


def magnification_error(columns: Mapping[str, np.ndarray]) -> float:
    """Largest relative stretch of the magnification matrix in any particle; 0 where there is none."""
    if not set(MAGNIFICATION) <= set(columns):
        return 0.0
    different = np.unique(np.stack([columns[label] for label in MAGNIFICATION], axis=1), axis=0)
    return float(np.abs(np.linalg.svd(different.reshape(-1, 2, 2), compute_uv=False) - 1).max(initial=0.0))


def magnification_limit_in_angstroms(
    strain: float,  # relative stretch
    radius_in_angstroms: float,  # of the particle
    columns: Mapping[str, np.ndarray],
) -> float:
    """The resolution at which a stretch shifts phases by 45 degrees: at the rim of the particle, or in the CTF.

    At the rim it moves density by d = strain times radius, and phases by 2 pi d s. It changes gamma by
    2 pi lambda defocus strain s^2.
    """
    wavelength = electron_wavelength_in_angstroms(columns["_rlnVoltage"])
    of_ctf = 2 * np.pi * wavelength * np.abs(columns["_rlnDefocusU"]) * strain
    at_rim = 2 * np.pi * strain * radius_in_angstroms
    return max(
        at_rim / TOLERATED_PHASE_IN_RADIANS,
        float(np.median(of_ctf) / TOLERATED_PHASE_IN_RADIANS) ** 0.5,
    )


def _warn_about_zernike(file: RelionFile, label: str, lowest_degree: int, pixel_size: float) -> None:
    """Constant and quadratic even terms act at every resolution, as a wrong amplitude contrast or defocus does."""
    constant, limit = 0.0, 0.0
    different = _zernike_coefficients(file, label)
    if not any(coefficients.any() for coefficients in different):
        return
    for coefficients in different:
        frequencies, phases = largest_phase(coefficients, lowest_degree)
        constant = max(constant, float(phases[0]))
        limit = max(limit, limit_in_angstroms(frequencies, phases, TOLERATED_PHASE_IN_RADIANS))
    what = f"higher-order aberrations ({label}) "
    if constant > TOLERATED_CONSTANT_IN_RADIANS:
        what += f"change the phase of the CTF by up to {np.rad2deg(constant):.0f} degrees at every resolution, low ones too, as a wrong amplitude contrast would"
        limit = np.inf
    else:
        what += _harmless_beyond(limit or 1 / FINEST_FREQUENCY).replace("changes", "change", 1)
    _say(file, what, limit, pixel_size)


def _zernike_coefficients(file: RelionFile, label: str) -> list[np.ndarray]:
    """The different sets of coefficients in the file: of the optics block, and of the particles where they have any."""
    texts: set[str] = set()
    for block in (file.optics, file.particles):
        if block is not None and label in block.labels:
            texts.update(read_columns(file.document, block, text_labels=[label])[label].tolist())
    return [_numbers_in_brackets(file, label, text) for text in sorted(texts)]


def _numbers_in_brackets(file: RelionFile, label: str, text: str) -> np.ndarray:
    try:
        numbers = np.array([float(part) for part in text.strip("[]").split(",") if part.strip()])
    except ValueError:
        numbers = np.array([np.nan])
    if not np.isfinite(numbers).all():
        raise InputError(
            f"{file.path}: {label} is {text}; expected numbers such as [0,0,1.5]. Correct it, or take the file from CtfRefine."
        )
    return numbers


def _harmless_beyond(limit_in_angstroms: float) -> str:
    return f"changes phases by less than 45 degrees only at resolutions worse than {limit_in_angstroms:.1f} A"


def _say(file: RelionFile, what: str, limit_in_angstroms: float, pixel_size_in_angstroms: float) -> None:
    """A warning where it touches what the images hold, a note where it lies beyond their Nyquist frequency."""
    say = warn if limit_in_angstroms > 2 * pixel_size_in_angstroms else note
    say(f"{file.path}: not corrected here: {what}.")
