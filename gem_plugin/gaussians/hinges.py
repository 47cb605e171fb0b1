"""Rotate a part of a molecule about a bond, as proteins do at a hinge. No files, no selections: masks come from outside."""

import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.units import degrees_to_radians

MINIMUM_AXIS_LENGTH_IN_ANGSTROMS = 1e-3


def rotate_about_axis(
    positions_in_angstroms: Tensor,  # (n, 3), ordered xyz
    is_moving: Tensor,  # (n,) bool: the part that rotates; the rest stays
    axis_start: Tensor,  # (3,), a point on the axis
    axis_end: Tensor,  # (3,), another; seen from the end towards the start, positive angles are anticlockwise
    angles_in_degrees: Tensor,  # (k,)
) -> Tensor:  # (k, n, 3), one conformation per angle
    """Rotate the moving part about the axis by each of the angles."""
    direction = axis_end - axis_start
    length = torch.linalg.vector_norm(direction)
    if length < MINIMUM_AXIS_LENGTH_IN_ANGSTROMS:
        raise InputError(
            "The two ends of the hinge lie on one point. Name two different atoms, such as CA and C of one residue."
        )
    rotations = axis_rotations(direction / length, angles_in_degrees)  # (k, 3, 3)
    rotated = (positions_in_angstroms - axis_start) @ rotations.transpose(1, 2) + axis_start
    return torch.where(is_moving[None, :, None], rotated, positions_in_angstroms[None])


def axis_rotations(
    unit_axis: Tensor,  # (3,)
    angles_in_degrees: Tensor,  # (k,)
) -> Tensor:  # (k, 3, 3): matrices R with R v the rotated vector
    """Rotation matrices about one axis (Rodrigues' formula)."""
    x, y, z = unit_axis.unbind()
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    angles = degrees_to_radians(angles_in_degrees)[:, None, None]
    identity = torch.eye(3, dtype=unit_axis.dtype, device=unit_axis.device)
    return identity + torch.sin(angles) * cross + (1 - torch.cos(angles)) * (cross @ cross)
