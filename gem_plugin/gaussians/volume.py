"""Render clouds of Gaussians to maps, and read maps at Gaussians. No gradients; for those use render_reference."""

import numpy as np
import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.pixel_tables import PixelTable
from gem_plugin.gaussians.projection import as_array, pixel_table_for, table_scale


def render_volumes(
    cloud: GaussianCloud,  # one cloud or a batch
    box_size: int,
    pixel_size_in_angstroms: float,
) -> Tensor:  # (batch, box, box, box) float32, ordered zyx; each voxel the integral of the density over it
    """Maps of the clouds, rotation centre on voxel box // 2."""
    positions, widths, table = _in_pixels(cloud, pixel_size_in_angstroms)
    amplitudes = as_array(cloud.amplitudes.reshape(len(positions), -1))
    volumes = torch.zeros(len(positions), box_size, box_size, box_size)
    _kernels(table).splat(positions, amplitudes, widths, table.weights, *table_scale(table), volumes.numpy())
    return volumes


def read_volume_at_gaussians(
    volume: Tensor,  # (box, box, box), ordered zyx
    cloud: GaussianCloud,
    pixel_size_in_angstroms: float,
) -> Tensor:  # (batch, n): sum over voxels of the volume times each Gaussian of amplitude 1
    """The transpose of render_volumes: sum(amplitudes * result) is the inner product of the volume with the rendered map."""
    positions, widths, table = _in_pixels(cloud, pixel_size_in_angstroms)
    values = np.empty(positions.shape[:2], np.float32)
    _kernels(table).gather(
        positions, widths, table.weights, *table_scale(table), as_array(volume[None]), values
    )
    return torch.from_numpy(values)


def _in_pixels(
    cloud: GaussianCloud, pixel_size_in_angstroms: float
) -> tuple[np.ndarray, np.ndarray, PixelTable]:
    positions = cloud.positions_in_angstroms.detach() / pixel_size_in_angstroms
    widths = cloud.widths_in_angstroms.detach() / pixel_size_in_angstroms
    if positions.ndim == 2:
        positions = positions[None]
    if widths.ndim == 1:
        widths = widths[None]
    return as_array(positions.cpu()), as_array(widths.cpu()), pixel_table_for(widths)


def _kernels(table: PixelTable):
    from gem_plugin.gaussians.volume_numba import make_volume_kernels  # compiles; not wanted for --help

    return make_volume_kernels(table.weights.shape[-1], table.widths_per_log_unit > 0)
