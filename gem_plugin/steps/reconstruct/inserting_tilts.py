"""Inserting all tilt images of particles into half-maps: each in its pose, weighted by the noise of its tilt."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gem_plugin.imaging.back_projection import BackProjection
from gem_plugin.landscape.motion.rigid import RigidMotions, rotate_views
from gem_plugin.particles.prepared import PreparedData

IMAGES_AT_A_TIME = 64


class ImagesToInsert(NamedTuple):
    """Which images go into which half, and how."""

    rows: np.ndarray  # (k,) of the prepared table
    halves: np.ndarray  # (k,) 0 or 1
    weights: np.ndarray | None  # (k,)
    rotations: np.ndarray | None = (
        None  # (k, 3, 3): how the part that is looked at moved in each particle; None: not at all
    )
    translations_in_angstroms: np.ndarray | None = None  # (k, 3)

    def poses(
        self,
        rotation_matrices: np.ndarray,  # (m, 3, 3), as the file has them
        shifts_in_angstroms: np.ndarray,  # (m, 2), ordered xy
        owners: np.ndarray | slice = slice(None),  # (m,) which of the k particles each image is of
    ) -> tuple[Tensor, Tensor]:
        """Poses of images with the motion of their particles undone."""
        views, shifts = torch.from_numpy(rotation_matrices), torch.from_numpy(shifts_in_angstroms)
        if self.rotations is None or self.translations_in_angstroms is None:
            return views, shifts
        motions = RigidMotions(
            torch.from_numpy(self.rotations[owners]), torch.from_numpy(self.translations_in_angstroms[owners])
        )
        return rotate_views(views, shifts, motions)

    def take(self, part: slice | np.ndarray) -> "ImagesToInsert":
        return ImagesToInsert(*(None if values is None else values[part] for values in self))  # type: ignore[arg-type]


def insert_tilts_(
    both: BackProjection, prepared: PreparedData, some: ImagesToInsert, device: torch.device
) -> None:
    """Insert the tilt images of some particles; all images of a particle go into its half."""
    tilts = prepared.tilts
    assert tilts is not None
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
        views, shifts = some.poses(taken.rotation_matrices, taken.shifts_in_angstroms, owners[part])
        both.add_(
            torch.from_numpy(np.array(tilts.images[images[part]])).to(device),
            views.to(device),
            shifts.to(device),
            taken.ctf_parameters().to(device),
            torch.from_numpy(some.halves[owners[part]]).to(device),
            torch.from_numpy(weights[part]).to(device),
        )
