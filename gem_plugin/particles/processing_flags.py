"""RELION's flags of images that were multiplied by their CTF, or by its sign, at extraction."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.imaging.processed_images import PHASE_FLIPPED, PREMULTIPLIED
from gem_plugin.notices import note

PREMULTIPLIED_FLAG, PHASE_FLIPPED_FLAG = "_rlnCtfDataAreCtfPremultiplied", "_rlnCtfDataArePhaseFlipped"
PROCESSED_FLAGS = (PREMULTIPLIED_FLAG, PHASE_FLIPPED_FLAG)


def image_processing_of(
    columns: Mapping[str, np.ndarray],  # of a star file, each (n,)
    n_particles: int,
    path: Path,  # for messages
) -> np.ndarray:  # (n,) int8 of imaging.processed_images
    """What the flags say of every image; a premultiplied image is that, whatever its other flag. A note reports it."""
    flags = [columns.get(label, np.zeros(n_particles)) for label in PROCESSED_FLAGS]
    for label, values in zip(PROCESSED_FLAGS, flags, strict=True):
        wrong = np.flatnonzero(~np.isin(values, (0, 1)))
        if len(wrong):
            raise InputError(
                f"{path}, row {wrong[0]}: {label} is {values[wrong[0]]:g}; expected 0 (raw images) or 1. Correct it."
            )
    is_multiplied, is_flipped = (values == 1 for values in flags)
    is_flipped &= ~is_multiplied
    if is_multiplied.any():
        note(
            f"{path}: {int(is_multiplied.sum())} of {n_particles} images were multiplied by their CTF at extraction "
            f"({PREMULTIPLIED_FLAG}); the likelihood is that of such images."
        )
    if is_flipped.any():
        note(
            f"{path}: {int(is_flipped.sum())} of {n_particles} images are taken as phase-flipped ({PHASE_FLIPPED_FLAG}), so their "
            "CTF is |CTF|. RELION itself does not apply this flag, only its option --ctf_phase_flipped."
        )
    return np.where(is_multiplied, PREMULTIPLIED, np.where(is_flipped, PHASE_FLIPPED, 0)).astype(np.int8)
