"""Coordinates of particles in Angstrom from the centre of their tomogram, from the columns of RELION 4, RELION 5 and WarpTools."""

from collections.abc import Mapping

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.star.particles import RelionFile
from gem_plugin.particles.tilt_series.tomograms import TiltSeries

CENTRED = ("_rlnCenteredCoordinateXAngst", "_rlnCenteredCoordinateYAngst", "_rlnCenteredCoordinateZAngst")
FROM_CORNER = ("_rlnCoordinateX", "_rlnCoordinateY", "_rlnCoordinateZ")
COORDINATE_COLUMNS = (*CENTRED, *FROM_CORNER)
TOMOGRAM = "_rlnTomoName"
WARPTOOLS_ENDING = ".tomostar"


def is_warptools(tomogram_names: np.ndarray) -> bool:
    """Whether WarpTools made the file: it names tomograms after its .tomostar files."""
    return all(str(name).endswith(WARPTOOLS_ENDING) for name in set(tomogram_names.tolist()))


def coordinates_in_angstroms(
    columns: Mapping[str, np.ndarray],
    tomograms: Mapping[str, TiltSeries],
    pixel_size_in_angstroms: float,  # of the particles
    file: RelionFile,
) -> np.ndarray:  # (n, 3) float64, xyz
    """Where each particle was cut out.

    RELION 5 has Angstrom from the centre. RELION 4 counts pixels of the tilt images from the corner, with the centre at
    int(size / 2). WarpTools counts pixels of the particles from the corner, and until July 2026 gave the tomogram's size in
    those of the raw tilt images, so both are taken to Angstrom first.
    """
    if all(label in columns for label in CENTRED):
        return np.stack([columns[label] for label in CENTRED], axis=1)
    if not all(label in columns for label in FROM_CORNER):
        raise InputError(
            f"{file.path}: expected the coordinates {CENTRED[0]}, Y and Z (RELION 5) or {FROM_CORNER[0]}, Y and Z (RELION 4, WarpTools), "
            "which give each particle its defocus. Take the file from the job that extracted the particles."
        )
    from_corner = np.stack([columns[label] for label in FROM_CORNER], axis=1)
    series = [tomograms[name] for name in columns[TOMOGRAM].tolist()]
    sizes = np.stack([one.size_in_pixels for one in series])
    pixel_sizes = np.array([one.pixel_size_in_angstroms for one in series])[:, None]
    if is_warptools(columns[TOMOGRAM]):
        return from_corner * pixel_size_in_angstroms - sizes * pixel_sizes / 2
    return (from_corner - (sizes // 2)) * pixel_sizes
