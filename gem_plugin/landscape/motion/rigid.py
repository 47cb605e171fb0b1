"""The motion of parts as rotations and shifts, fitted to the Gaussians; and which voxels belong to which part."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.volume import render_volumes

SOFTNESS_IN_PIXELS = 1.5  # of the border between parts
REACH_IN_PIXELS = 6.0  # beyond the density, voxels follow the nearest parts
SMALL_FRACTION = 1e-5


class RigidMotions(NamedTuple):
    """For each particle: a point x of the reference goes to Q x + t."""

    rotation_matrices: Tensor  # (batch, 3, 3)
    translations_in_angstroms: Tensor  # (batch, 3)


def fit_rigid_motions(
    reference: Tensor,  # (n, 3): positions of the Gaussians of one part
    moved: Tensor,  # (batch, n, 3): the same Gaussians in each particle
    weights: Tensor,  # (n,)
) -> RigidMotions:
    """The least-squares rotation and shift of each particle (Kabsch 1976)."""
    fractions = (weights / weights.sum()).double()
    reference, moved = reference.double(), moved.double()
    centre, centres = fractions @ reference, torch.einsum("n,bnk->bk", fractions, moved)
    covariance = torch.einsum("n,bni,nj->bij", fractions, moved - centres[:, None], reference - centre)
    left, _, right = torch.linalg.svd(covariance)
    sign = torch.linalg.det(left @ right)
    flip = torch.ones_like(centres)
    flip[:, 2] = sign  # a reflection is no motion
    rotations = left @ (flip[:, :, None] * right)
    return RigidMotions(rotations.float(), (centres - torch.einsum("bij,j->bi", rotations, centre)).float())


def rotate_views(
    rotation_matrices: Tensor,  # (batch, 3, 3): of the particles
    shifts_in_angstroms: Tensor,  # (batch, 2), ordered xy
    motions: RigidMotions,
) -> tuple[Tensor, Tensor]:
    """The poses under which the images show the reference instead of the moved part: A Q, and the shift less A t."""
    shifted = torch.einsum("bij,bj->bi", rotation_matrices, motions.translations_in_angstroms)
    return rotation_matrices @ motions.rotation_matrices, shifts_in_angstroms - shifted[:, :2]


def part_weights(
    cloud: GaussianCloud,  # the reference
    parts: np.ndarray,  # (n,) int, from 1
    box_size: int,
    pixel_size_in_angstroms: float,
) -> Tensor:  # (parts, box, box, box), sums to 1 in every voxel
    """How much each voxel follows each part: by the density of its Gaussians nearby."""
    numbers = range(1, int(parts.max()) + 1)
    near = []
    for number in numbers:
        member = torch.from_numpy((parts == number).astype(np.float32))
        own = replace(cloud, amplitudes=cloud.amplitudes * member)
        density = render_volumes(own, box_size, pixel_size_in_angstroms)[0].numpy()
        density /= max(float(density.sum()), 1e-20) / max(float(member.sum()), 1e-20)
        close = ndimage.gaussian_filter(density, SOFTNESS_IN_PIXELS, mode="constant")
        far = ndimage.gaussian_filter(density, REACH_IN_PIXELS, mode="constant")
        near.append(close + SMALL_FRACTION * far + SMALL_FRACTION**3)
    weights = torch.from_numpy(np.stack(near))
    return weights / weights.sum(0)
