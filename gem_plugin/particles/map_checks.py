"""Maps and masks that must fit the particles: same box, same pixel size, sensible values."""

from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.header import read_mrc_header
from gem_plugin.io.mrc.maps import read_map

PIXEL_SIZE_TOLERANCE = 0.005  # relative: calibrations are often rounded to two digits in map headers
UNSET_PIXEL_SIZES = (0.0, 1.0)  # what programs write into masks when they do not know better
MASK_TOLERANCE = 0.01  # soft edges may overshoot 0 to 1 by interpolation


def read_matching_map(
    path: Path,
    box_size: int,  # pixels of the particle images
    pixel_size_in_angstroms: float,
) -> np.ndarray:  # (box, box, box) float32, ordered zyx
    """Read the consensus map of the particles, or say why it cannot be theirs."""
    header = read_mrc_header(path)
    _check_box(path, header.shape, box_size, "map")
    found = header.pixel_size_in_angstroms
    if found <= 0:
        raise InputError(
            f"{path}: the header has no pixel size; expected {pixel_size_in_angstroms:.4g} A as in the particles. "
            f"Set it: relion_image_handler --i {path} --o NEW.mrc --angpix {pixel_size_in_angstroms:.4g} --force_header_angpix "
            f"{pixel_size_in_angstroms:.4g}"
        )
    _check_pixel_size(path, found, pixel_size_in_angstroms, "map")
    values, _ = read_map(path)
    if values.std() == 0:
        raise InputError(
            f"{path}: the map is constant ({values.flat[0]:g} everywhere). Give the refined map."
        )
    return values


def read_matching_mask(
    path: Path,
    box_size: int,
    pixel_size_in_angstroms: float,
) -> np.ndarray:  # (box, box, box) float32 in 0 to 1, ordered zyx
    """Read a mask that fits the particles. A pixel size of 0 or 1 in its header counts as not given."""
    header = read_mrc_header(path)
    _check_box(path, header.shape, box_size, "mask")
    if header.pixel_size_in_angstroms not in UNSET_PIXEL_SIZES:
        _check_pixel_size(path, header.pixel_size_in_angstroms, pixel_size_in_angstroms, "mask")
    values, _ = read_map(path)
    if values.min() < -MASK_TOLERANCE or values.max() > 1 + MASK_TOLERANCE or values.max() <= 0:
        raise InputError(
            f"{path}: expected a mask with values from 0 to 1, found {values.min():g} to {values.max():g}. "
            "Make one with a RELION MaskCreate job."
        )
    return values.clip(0, 1)


def _check_box(path: Path, shape: tuple[int, int, int], box_size: int, kind: str) -> None:
    if shape != (box_size, box_size, box_size):
        found = " x ".join(str(side) for side in reversed(shape))
        raise InputError(
            f"{path}: the {kind} has {found} voxels, expected {box_size} x {box_size} x {box_size}, the box of the particles. "
            f"Give the {kind} of the same refinement, without re-boxing or binning."
        )


def _check_pixel_size(path: Path, found: float, expected: float, kind: str) -> None:
    if abs(found - expected) > PIXEL_SIZE_TOLERANCE * expected:
        raise InputError(
            f"{path}: the {kind} has {found:.4g} A per voxel, the particles have {expected:.4g} A per pixel. "
            f"Give the {kind} of the same refinement, or correct the pixel size in the header that is wrong."
        )
