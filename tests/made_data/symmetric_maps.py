"""Maps of made-up complexes with the symmetry of a point group."""

import numpy as np
import torch

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.volume import render_volumes
from gem_plugin.imaging.symmetry import Symmetry


def positions_of_complex(symmetry: Symmetry, box: int, seed: int = 0) -> np.ndarray:  # (order * 40, 3) pixels
    """A lump of 40 points off all axes, and its copies at R times its coordinates."""
    generator = np.random.default_rng(seed)
    subunit = box / 64 * (generator.normal(0, 4.0, (40, 3)) + np.array([13.0, 3.0, 5.0]))
    return np.einsum("aij,nj->ani", symmetry.operators, subunit).reshape(-1, 3)


def symmetric_map(symmetry: Symmetry, box: int = 48, seed: int = 0) -> np.ndarray:  # (box, box, box), zyx
    positions = torch.from_numpy(positions_of_complex(symmetry, box, seed)).float()
    n_points = len(positions)
    cloud = GaussianCloud(positions, torch.ones(n_points), torch.full((n_points,), 1.2))
    return render_volumes(cloud, box, 1.0)[0].numpy()
