"""Whether a star file is from tomography, found out from its beginning where that says it."""

from pathlib import Path

from gem_plugin.io.star.particles import is_of_tilt_series
from gem_plugin.io.star.text import read_star_document

BEGINNING_IN_BYTES = 2**16
LABELS_OF_TOMOGRAPHY = (b"_rlnTomo", b"_rlnCtfImage")
LABELS_OF_IMAGE_SERIES = (b"_rlnGroupName", b"_rlnCtf")


def is_from_tomography(path: Path) -> bool:
    """An optimisation set, particles of tilt series, image series of Warp and M, or subtomograms; False for what cannot be read.

    Most files of single particles are known by their first lines, so that they are not read twice.
    """
    if not path.is_file():
        return False
    with open(path, "rb") as handle:
        beginning = handle.read(BEGINNING_IN_BYTES)
    may_be = any(label in beginning for label in LABELS_OF_TOMOGRAPHY)
    if not may_be and not all(label in beginning for label in LABELS_OF_IMAGE_SERIES):
        return False
    return is_of_tilt_series(read_star_document(path))
