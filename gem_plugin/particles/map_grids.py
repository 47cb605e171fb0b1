"""Maps and masks of another box or voxel size than needed: when that is unambiguous, and by which factor they are resampled."""

from pathlib import Path
from typing import NamedTuple

from gem_plugin.errors import InputError
from gem_plugin.notices import note

PIXEL_SIZE_TOLERANCE = 0.005  # relative: calibrations are often rounded to two digits in map headers
UNSET_PIXEL_SIZES = (0.0, 1.0)  # what programs write into masks when they do not know better
MINIMUM_WIDTH, MAXIMUM_WIDTH = 0.5, 4.0  # of a map, over that of the particles: beyond, a header is wrong


class Grid(NamedTuple):
    """A cubic grid with its rotation centre on voxel box // 2."""

    box_size: int  # voxels
    pixel_size_in_angstroms: float

    @property
    def width_in_angstroms(self) -> float:
        return self.box_size * self.pixel_size_in_angstroms

    def agrees_with(self, other: "Grid") -> bool:
        """Whether voxel size or width is the same, but for rounding."""
        return min(self.mismatches(other)) < PIXEL_SIZE_TOLERANCE

    def mismatches(self, other: "Grid") -> tuple[float, float]:
        """Relative differences of voxel size and of width."""
        return (
            abs(self.pixel_size_in_angstroms / other.pixel_size_in_angstroms - 1),
            abs(self.width_in_angstroms / other.width_in_angstroms - 1),
        )

    def __str__(self) -> str:
        return f"{self.box_size} voxels of {self.pixel_size_in_angstroms:.4g} A along each side ({self.width_in_angstroms:.4g} A)"


def resampling_factor(
    given: Grid,
    needed: Grid,
    kind: str,  # "map" or "mask", for the messages
    path: Path | str,
) -> float:
    """Needed voxel size over that of the file; 1 where only the box differs. A note says what is done.

    The rotation centre is that of both boxes. Voxel sizes and widths that agree within 0.5 % count as equal, since headers
    are rounded. Raises InputError where box and voxel size contradict each other, or one of them must be wrong.
    """
    if given.box_size == needed.box_size:
        _check_same_box(given, needed, kind, path)
        return 1.0
    _check_width(given, needed, kind, path)
    of_voxels, of_widths = given.mismatches(needed)
    if not given.agrees_with(needed):
        factor = needed.pixel_size_in_angstroms / given.pixel_size_in_angstroms
    else:
        factor = 1.0 if of_voxels <= of_widths else given.box_size / needed.box_size
    resized = "cropped" if given.box_size > needed.box_size else "padded"
    done = resized if factor == 1 else "resampled"
    note(f"{path}: the {kind} has {given}; it is {done} about its centre to {needed}.")
    return factor


def _check_same_box(given: Grid, needed: Grid, kind: str, path: Path | str) -> None:
    found, expected = given.pixel_size_in_angstroms, needed.pixel_size_in_angstroms
    if abs(found - expected) > PIXEL_SIZE_TOLERANCE * expected:
        raise InputError(
            f"{path}: the {kind} has {found:.4g} A per voxel, expected {expected:.4g} A in a box of {given.box_size}. If only the header differs (a calibrated pixel size), correct it: relion_image_handler "
            f"--i {path} --o NEW.mrc --angpix {expected:.4g} --force_header_angpix {expected:.4g}. If the voxels do differ, "
            f"resample it: relion_image_handler --i {path} --o NEW.mrc --rescale_angpix {expected:.4g} --new_box {needed.box_size}"
        )


def _check_width(given: Grid, needed: Grid, kind: str, path: Path | str) -> None:
    ratio = given.width_in_angstroms / needed.width_in_angstroms
    if not MINIMUM_WIDTH <= ratio <= MAXIMUM_WIDTH:
        raise InputError(
            f"{path}: the {kind} has {given}, but {needed} are needed: its box is {ratio:.2g} times as wide. "
            f"Is the pixel size in its header right? Give the {kind} of the same refinement, or correct the header."
        )
