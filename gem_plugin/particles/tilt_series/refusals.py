"""What tilt series may not be: volumes instead of stacks, and aberrations whose treatment is not verified."""

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import RelionFile
from gem_plugin.io.star.text import StarBlock

VOLUME, DIMENSIONS = "_rlnCtfImage", "_rlnImageDimensionality"
BEAM_TILT = ("_rlnBeamTiltX", "_rlnBeamTiltY")  # mrad, 0 expected
ZERNIKE = ("_rlnOddZernike", "_rlnEvenZernike")  # [a,b,...], all 0 expected
MATRIX = {"_rlnMagMat00": 1.0, "_rlnMagMat01": 0.0, "_rlnMagMat10": 0.0, "_rlnMagMat11": 1.0}
SMALLEST_CHANGE = 1e-6


def refuse_volumes(file: RelionFile) -> None:
    """InputError for 3D pseudo-subtomograms, with the sentence how to extract 2D stacks."""
    dimensions = np.zeros(0)
    if file.optics is not None:
        dimensions = read_columns(file.document, file.optics, [DIMENSIONS]).get(DIMENSIONS, dimensions)
    if VOLUME in file.particles.labels or (dimensions == 3).any():
        raise InputError(
            f"{file.path} holds 3D pseudo-subtomograms; expected 2D stacks of tilt images. Extract the particles again as 2D stacks: "
            "in RELION 5 the job Extract subtomos with 'Write output as 2D stacks?' Yes (relion_tomo_subtomo --stack2d), in WarpTools "
            "ts_export_particles --2d."
        )


def refuse_aberrations(file: RelionFile) -> None:
    """InputError where particles or optics groups have aberrations or a magnification matrix."""
    for block in (file.particles, file.optics):
        if block is not None:
            for label in _applied(file, block):
                raise InputError(
                    f"{file.path}, block data_{block.name}: {label} is not zero. RELION takes such aberrations off tilt images at extraction, "
                    "and what it leaves in the file is not verified here; expected none. Refine without them, or set the column to zero if "
                    "they are corrected in the stacks."
                    if label not in MATRIX
                    else f"{file.path}, block data_{block.name}: {label} describes a distorted magnification, which is not verified for tilt "
                    "series; expected the identity. Extract without it."
                )


def _applied(file: RelionFile, block: StarBlock) -> list[str]:
    columns = read_columns(file.document, block, [*BEAM_TILT, *MATRIX], ZERNIKE)
    found = []
    for label, values in columns.items():
        if label in ZERNIKE:
            is_zero = all(_are_zeros(text) for text in set(values.tolist()))
        else:
            is_zero = bool((np.abs(values - MATRIX.get(label, 0.0)) < SMALLEST_CHANGE).all())
        if not is_zero:
            found.append(label)
    return found


def _are_zeros(text: str) -> bool:
    """Whether [0,0,...] holds zeros alone; a text that is no list is not trusted."""
    parts = [part.strip() for part in text.strip("[] ").split(",") if part.strip()]
    try:
        return all(abs(float(part)) < SMALLEST_CHANGE for part in parts)
    except ValueError:
        return False
