"""Masks that a user names, brought to a grid."""

from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.mask import check_mask, fit_mask_to_grid
from gem_plugin.particles.map_grids import UNSET_PIXEL_SIZES
from gem_plugin.particles.prepared import load_prepared_table

Grid = tuple[int, float]  # box in voxels, pixel size in Angstrom


def read_mask_on_grid(
    path: Path,
    box_size: int,
    pixel_size_in_angstroms: float,
    original: Grid | None = None,  # of the particles: what a mask of that box without a pixel size has
) -> np.ndarray:  # (box, box, box) float32, 0 to 1
    """A mask, resampled about its centre where its box or voxels are others.

    A pixel size of 0 or 1 in its header counts as not given. Raises InputError, with the name of the file, where box and
    pixel size contradict each other, and for a mask that is empty there or has negative values.
    """
    given = read_map(path)
    mask, pixel_size = given.volume, given.pixel_size_in_angstroms
    if pixel_size in UNSET_PIXEL_SIZES and original is not None and len(mask) == original[0]:
        pixel_size = original[1]
    fitted = fit_mask_to_grid(mask, pixel_size, box_size, pixel_size_in_angstroms, path)
    try:
        check_mask(fitted, box_size)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return fitted


def original_grid(run: RunFiles) -> Grid | None:
    """The box and pixel size of the particles that a run started from; None where it has no prepared particles."""
    if not run.prepared_table.is_file():
        return None
    origin = load_prepared_table(run)[2]
    return origin.original_box_size, origin.original_pixel_size_in_angstroms
