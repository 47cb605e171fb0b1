"""Inserting all tilt images of particles into half-maps: each in its pose, weighted by the noise of its tilt."""

from typing import NamedTuple

import numpy as np
import torch

from gem_plugin.imaging.back_projection import BackProjection
from gem_plugin.particles.prepared import PreparedData

IMAGES_AT_A_TIME = 64


class ImagesToInsert(NamedTuple):
    """Which images go into which half, and how."""

    rows: np.ndarray  # (k,) of the prepared table
    halves: np.ndarray  # (k,) 0 or 1
    weights: np.ndarray | None  # (k,)
    rotation_matrices: np.ndarray | None  # (k, 3, 3); None: those of the table
    shifts_in_angstroms: np.ndarray | None  # (k, 2), ordered xy; None: those of the table

    def take(self, part: slice | np.ndarray) -> "ImagesToInsert":
        return ImagesToInsert(*(None if values is None else values[part] for values in self))  # type: ignore[arg-type]


def insert_tilts_(
    both: BackProjection, prepared: PreparedData, some: ImagesToInsert, device: torch.device
) -> None:
    """Insert the tilt images of some particles; all images of a particle go into its half."""
    tilts = prepared.tilts
    assert tilts is not None
    assert some.rotation_matrices is None, (
        "steps/reconstruct/step.py refuses to correct the motion of tilt series"
    )
    images = tilts.particles.images_of(some.rows)
    owners = np.repeat(np.arange(len(some.rows)), tilts.particles.image_counts[some.rows])
    is_usable = np.isfinite(tilts.noise_levels[images])
    images, owners = images[is_usable], owners[is_usable]
    weights = 1 / tilts.noise_levels[images]
    if some.weights is not None:
        weights = weights * some.weights[owners]
    for start in range(0, len(images), IMAGES_AT_A_TIME):
        part = slice(start, start + IMAGES_AT_A_TIME)
        taken = tilts.particles.images.take(images[part])
        both.add_(
            torch.from_numpy(np.array(tilts.images[images[part]])).to(device),
            torch.from_numpy(taken.rotation_matrices).to(device),
            torch.from_numpy(taken.shifts_in_angstroms).to(device),
            taken.ctf_parameters().to(device),
            torch.from_numpy(some.halves[owners[part]]).to(device),
            torch.from_numpy(weights[part]).to(device),
        )
