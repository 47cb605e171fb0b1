"""Render clouds of Gaussians to maps, and read maps at Gaussians. No gradients; for those use render_reference."""

from dataclasses import replace

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

DRAWN_WIDTH_IN_PIXELS = 0.9  # a Gaussian as wide has next to nothing beyond the Nyquist frequency
LARGEST_SHARPENED_FREQUENCY = 0.6  # cycles per voxel: the corners of the box hold rounding errors only


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


def render_volumes_without_aliasing(
    cloud: GaussianCloud,  # one cloud or a batch
    box_size: int,
    pixel_size_in_angstroms: float | None = None,  # of the maps; only a cloud in Angstrom needs it
) -> Tensor:  # (batch, box, box, box) float32, ordered zyx
    """The same maps without what lies beyond their Nyquist frequency, which narrow Gaussians have and voxels fold back.

    Gaussians are drawn wider than they are, w'^2 = w^2 + s^2, so that nothing is folded; in Fourier space exp(2 pi^2 s^2 f^2)
    takes the blur s off again (f in cycles per voxel). As any band-limited map these may have slightly negative voxels.
    """
    cloud = cloud.in_pixels(pixel_size_in_angstroms)
    blur = max(0.0, DRAWN_WIDTH_IN_PIXELS**2 - float(cloud.widths.min()) ** 2)
    drawn = replace(cloud, widths=(cloud.widths**2 + blur).sqrt())
    volumes = render_volumes(drawn, box_size)
    if not blur:
        return volumes
    axes = (
        torch.fft.fftfreq(box_size, device=volumes.device),
        torch.fft.rfftfreq(box_size, device=volumes.device),
    )
    squared = axes[0][:, None, None] ** 2 + axes[0][None, :, None] ** 2 + axes[1][None, None, :] ** 2
    sharpening = torch.exp(2 * torch.pi**2 * blur * squared.clamp_max(LARGEST_SHARPENED_FREQUENCY**2))
    spectra = torch.fft.rfftn(volumes, dim=(1, 2, 3)) * sharpening
    return torch.fft.irfftn(spectra, s=volumes.shape[1:], dim=(1, 2, 3))


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
