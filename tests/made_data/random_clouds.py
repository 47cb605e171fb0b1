"""Clouds and rotations drawn at random."""

import torch
from scipy.spatial.transform import Rotation

from gem_plugin.gaussians.cloud import GaussianCloud


def random_cloud(batch=3, n_gaussians=50, spread=10.0, one_width=False, seed=0):
    generator = torch.Generator().manual_seed(seed)
    positions = torch.randn(batch, n_gaussians, 3, generator=generator) * spread
    amplitudes = torch.rand(batch, n_gaussians, generator=generator)
    widths = (
        torch.full((n_gaussians,), 1.4)
        if one_width
        else torch.rand(n_gaussians, generator=generator) * 2 + 0.8
    )
    return GaussianCloud(positions, amplitudes, widths)


def random_rotations(n, seed=0):
    return torch.tensor(Rotation.random(n, random_state=seed).as_matrix(), dtype=torch.float32)
