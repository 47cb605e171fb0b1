"""Symmetric complexes for a simulation: copies of one molecule about the axes of a point group, each in its own conformation."""

import numpy as np
import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.imaging.symmetry import Symmetry
from gem_plugin.steps.simulate.conformations import Conformations

DIRECTION = (0.80, 0.31, 0.52)  # from the centre to the first subunit: off all axes of the usual groups
PACKING = 0.62  # of the sum of two radii: molecules that are not round touch at less


def moved_off_the_axes(conformations: Conformations, symmetry: Symmetry) -> Conformations:
    """The molecule moved so far from the centre that its copies touch; where it is for C1."""
    if len(symmetry) == 1:
        return conformations
    direction = np.asarray(DIRECTION) / np.linalg.norm(DIRECTION)
    copies = symmetry.operators @ direction  # (order, 3)
    nearest = float(np.linalg.norm(copies[1:] - direction, axis=1).min())
    radius = float(conformations.positions_in_angstroms.norm(dim=-1).max())
    offset = torch.from_numpy(direction * 2 * PACKING * radius / nearest).float()
    return Conformations(
        conformations.positions_in_angstroms + offset,
        conformations.amplitudes,
        conformations.angles_in_degrees,
        f"{len(symmetry)} subunits ({symmetry.name}), each a {conformations.motion}",
    )


def draw_together(
    which: np.ndarray,  # (n, order) conformations drawn one by one
    cooperativity: float,  # 0: independent, 1: all subunits of a particle alike
    generator: np.random.Generator,
) -> np.ndarray:  # (n, order)
    """In a fraction of the particles all subunits take the conformation of the first; two subunits then correlate by it."""
    if which.shape[1] == 1 or cooperativity == 0:
        return which
    is_common = generator.random(len(which)) < cooperativity
    return np.where(is_common[:, None], which[:, :1], which)


def cloud_of_complexes(
    conformations: Conformations,
    which: Tensor,  # (batch, order) int64: conformation of each subunit
    symmetry: Symmetry,
    width_in_angstroms: float,
) -> GaussianCloud:
    """One cloud for each image: subunit j, in its own conformation, at R_j times the coordinates of the first."""
    operators = torch.from_numpy(symmetry.operators).float()
    positions = torch.einsum("sij,bsnj->bsni", operators, conformations.positions_in_angstroms[which])
    amplitudes = conformations.amplitudes[which]  # (batch, order, n)
    n_points = amplitudes.shape[1] * amplitudes.shape[2]
    return GaussianCloud(
        positions.reshape(len(which), n_points, 3),
        amplitudes.reshape(len(which), n_points),
        torch.full((n_points,), width_in_angstroms),
    )
