"""Aberrations and magnification that are corrected: checked, and said in one line for each kind."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.notices import note
from gem_plugin.particles.zernike_phases import largest_phase, limit_in_angstroms

MAXIMUM_ANISOTROPY = 0.05  # of a magnification matrix: microscopes stretch images by a fraction of a percent
MAXIMUM_SCALE = 0.1  # by which it may differ from 1 in all directions: Gaussians keep their width
SMALLEST_SINGULAR_VALUE = 1e-3
NEGLIGIBLE_STRETCH = 1e-4
MAXIMUM_SETS_LOOKED_AT = 200  # of coefficients, where nearly every particle has its own


class Aberration(NamedTuple):
    """One kind of aberration of the particles of a file."""

    name: str  # with its size, such as "beam tilt of up to 1.00 mrad"
    coefficients: np.ndarray  # (k, terms) radians
    lowest_degree: int  # ODD or EVEN


def note_applied(source: Path, aberrations: Iterable[Aberration], magnification: np.ndarray) -> None:
    """Say what is corrected, and from which resolution on it matters; nothing about what is not there."""
    for name, coefficients, lowest_degree in aberrations:
        if coefficients.any():
            strongest = np.argsort(-np.abs(coefficients).max(axis=1))[:MAXIMUM_SETS_LOOKED_AT]
            limit = limit_in_angstroms(*largest_phase(coefficients[strongest], lowest_degree))
            note(f"{source}: corrected here: {name}, which changes phases by {_where(limit)}.")
    stretch = largest_stretch(magnification)
    if stretch > NEGLIGIBLE_STRETCH:
        note(
            f"{source}: corrected here: a magnification matrix that stretches the images by up to {100 * stretch:.2f} %."
        )


def _where(limit_in_angstroms: float) -> str:
    if limit_in_angstroms == 0:
        return "less than 45 degrees at any resolution"
    if np.isinf(limit_in_angstroms):
        return "more than 45 degrees at every resolution"
    return f"45 degrees at {limit_in_angstroms:.1f} A"


def largest_stretch(magnification: np.ndarray) -> float:  # (k, 2, 2)
    """Largest relative stretch in any direction of any matrix."""
    different = np.unique(magnification.astype(np.float64).reshape(-1, 4), axis=0).reshape(-1, 2, 2)
    return float(np.abs(np.linalg.svd(different, compute_uv=False) - 1).max(initial=0.0))


def check_magnification(
    magnification: np.ndarray,  # (k, 2, 2)
    where: str,  # file and column, for the message
) -> None:
    """Refuse matrices that cannot be applied here: singular, mirrored, or far from the identity."""
    check_can_be_inverted(magnification, where)
    matrices = magnification.astype(np.float64)
    scales = np.sqrt(np.linalg.det(matrices))
    anisotropies = np.linalg.svd(matrices, compute_uv=False)[:, 0] / scales - 1
    for row in np.flatnonzero(anisotropies > MAXIMUM_ANISOTROPY):
        raise InputError(
            f"{where} is the matrix {_in_words(matrices[row])}, which stretches the images by {100 * anisotropies[row]:.1f} % more in "
            f"one direction than on average; expected at most {100 * MAXIMUM_ANISOTROPY:.0f} %. Fit the magnification again."
        )
    for row in np.flatnonzero(np.abs(scales - 1) > MAXIMUM_SCALE):
        raise InputError(
            f"{where} is the matrix {_in_words(matrices[row])}, which scales the images by {scales[row]:.3f}; expected 1 within "
            f"{100 * MAXIMUM_SCALE:.0f} %. Such a factor is another pixel size: extract or downsample all particles to one pixel size."
        )


def check_can_be_inverted(magnification: np.ndarray, where: str) -> None:  # (k, 2, 2)
    """Refuse matrices that are singular or mirror the images."""
    matrices = magnification.astype(np.float64)
    smallest = np.linalg.svd(matrices, compute_uv=False)[:, 1]
    for row in np.flatnonzero((smallest < SMALLEST_SINGULAR_VALUE) | (np.linalg.det(matrices) <= 0)):
        raise InputError(
            f"{where} is the matrix {_in_words(matrices[row])}, which is singular or mirrors the images; expected one close to the "
            "identity, such as [1.002 0.001; 0.001 0.998]. Take the file from the job that fitted it, or remove the columns."
        )


def _in_words(matrix: np.ndarray) -> str:
    (a, b), (c, d) = matrix
    return f"[{a:.4g} {b:.4g}; {c:.4g} {d:.4g}]"
