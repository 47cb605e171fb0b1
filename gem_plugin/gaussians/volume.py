"""Render clouds of Gaussians to maps, and read maps at Gaussians. No gradients; for those use render_reference."""

import numpy as np
import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.pixel_tables import PixelTable
from gem_plugin.gaussians.projection import (
    as_array,
    batch_in_pixels,
    is_for_triton,
    pixel_table_for,
    table_scale,
)


def render_volumes(
    cloud: GaussianCloud,  # one cloud or a batch
    box_size: int,
    pixel_size_in_angstroms: float | None = None,  # of the maps; only a cloud in Angstrom needs it
) -> Tensor:  # (batch, box, box, box) float32, ordered zyx; each voxel the integral of the density over it
    """Maps of the clouds, rotation centre on voxel box // 2, on the device of the cloud."""
    positions, amplitudes, widths = _detached_in_pixels(cloud, pixel_size_in_angstroms)
    if is_for_triton(positions):
        from gem_plugin.gaussians.volume_triton import render_on_device

        return render_on_device(positions, amplitudes, widths, box_size)
    arrays = [as_array(value.cpu()) for value in (positions, amplitudes, widths)]
    table = pixel_table_for(widths)
    volumes = torch.zeros(len(positions), box_size, box_size, box_size)
    _kernels(table).splat(*arrays, table.weights, *table_scale(table), volumes.numpy())
    return volumes.to(positions.device)


def read_volume_at_gaussians(
    volume: Tensor,  # (box, box, box), ordered zyx
    cloud: GaussianCloud,
    pixel_size_in_angstroms: float | None = None,  # of the volume; only a cloud in Angstrom needs it
) -> Tensor:  # (batch, n): sum over voxels of the volume times each Gaussian of amplitude 1
    """The transpose of render_volumes: sum(amplitudes * result) is the inner product of the volume with the rendered map."""
    positions, _, widths = _detached_in_pixels(cloud, pixel_size_in_angstroms)
    if is_for_triton(positions):
        from gem_plugin.gaussians.volume_triton import read_on_device

        return read_on_device(volume.to(positions.device), positions, widths)
    arrays = [as_array(value.cpu()) for value in (positions, widths)]
    table = pixel_table_for(widths)
    values = np.empty(positions.shape[:2], np.float32)
    _kernels(table).gather(*arrays, table.weights, *table_scale(table), as_array(volume[None].cpu()), values)
    return torch.from_numpy(values).to(positions.device)


def _detached_in_pixels(cloud: GaussianCloud, pixel_size_in_angstroms: float | None) -> list[Tensor]:
    """Positions (batch, n, 3), amplitudes (batch, n), widths (1 or batch, n), without gradients."""
    batch = len(cloud.positions) if cloud.positions.ndim == 3 else 1
    return [value.detach() for value in batch_in_pixels(cloud, batch, pixel_size_in_angstroms)]


def _kernels(table: PixelTable):
    from gem_plugin.gaussians.volume_numba import make_volume_kernels  # compiles; not needed for --help

    return make_volume_kernels(table.weights.shape[-1])
