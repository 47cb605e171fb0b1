"""Maps and masks of the particles: sensible values, brought to the grid of the particles where theirs is another."""

from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.imaging.bright_level import BRIGHT_PERCENTILE
from gem_plugin.imaging.resampling import resample_map, resample_mask
from gem_plugin.io.mrc.header import read_mrc_header
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.notices import warn
from gem_plugin.particles.map_grids import UNSET_PIXEL_SIZES, Grid, resampling_factor

MASK_TOLERANCE = 0.01  # soft edges may overshoot 0 to 1 by interpolation
MAXIMUM_DENSITY_AT_BORDER = 0.5  # of the brightest: more, and the box cuts the molecule


def read_matching_map(
    path: Path,
    box_size: int,  # pixels of the particle images
    pixel_size_in_angstroms: float,
) -> np.ndarray:  # (box, box, box) float32, ordered zyx
    """Read the consensus map of the particles, resampled about its centre where its grid is another.

    Raises InputError where it cannot be theirs (see map_grids); a note says what was resampled.
    """
    found = read_mrc_header(path).pixel_size_in_angstroms
    if found <= 0:
        raise InputError(
            f"{path}: the header has no pixel size; expected {pixel_size_in_angstroms:.4g} A as in the particles. "
            f"Set it: relion_image_handler --i {path} --o NEW.mrc --angpix {pixel_size_in_angstroms:.4g} --force_header_angpix "
            f"{pixel_size_in_angstroms:.4g}"
        )
    values, _ = read_map(path)
    if values.std() == 0:
        raise InputError(
            f"{path}: the map is constant ({values.flat[0]:g} everywhere). Give the refined map."
        )
    given, needed = Grid(len(values), found), Grid(box_size, pixel_size_in_angstroms)
    factor = resampling_factor(given, needed, "map", path)
    if given.box_size == box_size:
        return values
    _warn_when_cut(path, values, given, needed)
    return resample_map(values, factor, box_size)


def read_matching_mask(
    path: Path,
    box_size: int,
    pixel_size_in_angstroms: float,
) -> np.ndarray:  # (box, box, box) float32 in 0 to 1, ordered zyx
    """Read a mask, resampled about its centre where its grid is another than that of the particles.

    A pixel size of 0 or 1 in its header counts as not given, and then the box must be that of the particles.
    """
    values, found = read_map(path)
    if values.min() < -MASK_TOLERANCE or values.max() > 1 + MASK_TOLERANCE or values.max() <= 0:
        raise InputError(
            f"{path}: expected a mask with values from 0 to 1, found {values.min():g} to {values.max():g}. "
            "Make one with a RELION MaskCreate job."
        )
    values = values.clip(0, 1)
    resampled = mask_on_grid(values, found, Grid(box_size, pixel_size_in_angstroms), path)
    if not resampled.any():
        raise InputError(
            f"{path}: the mask is 0 everywhere in the box of the particles. Give the mask of the same refinement."
        )
    return resampled


def mask_on_grid(
    mask: np.ndarray,  # (b, b, b)
    pixel_size_in_angstroms: float,  # of its header; 0 or 1 where that may not be known
    needed: Grid,
    name: Path | str,  # for messages
) -> np.ndarray:  # (needed box,) * 3
    """The mask about its centre on another grid; refused where its voxel size is unclear."""
    if len(mask) == needed.box_size and pixel_size_in_angstroms in UNSET_PIXEL_SIZES:
        return mask
    given = Grid(len(mask), pixel_size_in_angstroms)
    if pixel_size_in_angstroms in UNSET_PIXEL_SIZES and not given.agrees_with(needed):
        raise InputError(
            f"{name}: the mask has {len(mask)} voxels along each side and no pixel size in its header; {needed} are needed. "
            "Set it: relion_image_handler --i IN.mrc --o OUT.mrc --angpix PIXEL_SIZE --force_header_angpix PIXEL_SIZE"
        )
    factor = resampling_factor(given, needed, "mask", name)
    return mask if len(mask) == needed.box_size else resample_mask(mask, factor, needed.box_size)


def _warn_when_cut(path: Path, volume: np.ndarray, given: Grid, needed: Grid) -> None:
    """A map whose box is smaller than that of the particles must still hold the whole molecule."""
    if given.width_in_angstroms >= needed.width_in_angstroms:
        return
    highest = max(float(volume.take(end, axis).max()) for axis in range(3) for end in (0, -1))
    if highest > MAXIMUM_DENSITY_AT_BORDER * float(np.percentile(volume, BRIGHT_PERCENTILE)):
        warn(
            f"{path}: the density reaches the border of the map, which is narrower ({given.width_in_angstroms:.4g} A) than the "
            f"images ({needed.width_in_angstroms:.4g} A). Is the molecule cut off? Then give the map of the whole box."
        )
