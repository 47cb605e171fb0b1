"""Beam tilt as coefficients of odd Zernike terms."""

import numpy as np

from gem_plugin.imaging.zernike import ODD_COUNTS


def zernike_of_tilt(
    lengths_in_angstroms: np.ndarray,  # (k, 2), ordered xy: spherical aberration times beam tilt
    wavelengths_in_angstroms: np.ndarray,  # (k,)
) -> np.ndarray:  # (k, 20) radians
    """-2 pi lambda^2 s^2 (length . s): c4 = -(2 pi / 3) lambda^2 length_x and c1 = 2 c4; c3 and c0 by length_y."""
    coma = -(2 * np.pi / 3) * wavelengths_in_angstroms[:, None] ** 2 * lengths_in_angstroms
    coefficients = np.zeros((len(coma), ODD_COUNTS[-1]))
    coefficients[:, 4], coefficients[:, 3] = coma[:, 0], coma[:, 1]
    coefficients[:, 1], coefficients[:, 0] = 2 * coma[:, 0], 2 * coma[:, 1]
    return coefficients
