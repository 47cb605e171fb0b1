"""Gaussians to voxels and back on CUDA devices: the three-dimensional brother of projection_triton. No gradients."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from gem_plugin.gaussians.integrals_triton import (
    first_pixel_of,
    is_near_box,
    is_pixel,
    pixel_weight,
    reach_of,
    tile_weights,
)
from gem_plugin.gaussians.projection_triton import launch, with_close_rows


@triton.jit
def load_block(positions, widths, members, exists, box_size):
    """Voxel coordinates x, y, z, widths and reaches of a block of Gaussians; reach 0 for those that touch no voxel."""
    centre = box_size // 2
    width = tl.load(widths + members, mask=exists, other=0.0)
    x = tl.load(positions + members * 3, mask=exists, other=0.0) + centre
    y = tl.load(positions + members * 3 + 1, mask=exists, other=0.0) + centre
    z = tl.load(positions + members * 3 + 2, mask=exists, other=0.0) + centre
    is_near = (
        is_near_box(x, width, box_size) & is_near_box(y, width, box_size) & is_near_box(z, width, box_size)
    )
    x, y, z = tl.where(is_near, x, 0.0), tl.where(is_near, y, 0.0), tl.where(is_near, z, 0.0)
    width = tl.where(is_near, width, 1.0)
    reach = tl.where(is_near, reach_of(width, box_size), 0.0).to(tl.int32)
    return x, y, z, width, reach


@triton.jit
def splat(positions, amplitudes, widths, volumes, n_gaussians, box_size, position_stride, amplitude_stride, width_stride, BLOCK: tl.constexpr, TILE: tl.constexpr):  # fmt: skip
    """Add a block of Gaussians to their volume, ordered zyx."""
    n_blocks = tl.cdiv(n_gaussians, BLOCK)
    volume = (tl.program_id(0) // n_blocks).to(tl.int64)
    members = (tl.program_id(0) % n_blocks) * BLOCK + tl.arange(0, BLOCK)
    exists = members < n_gaussians
    x, y, z, width, reach = load_block(
        positions + volume * position_stride, widths + volume * width_stride, members, exists, box_size
    )
    amplitude = tl.load(amplitudes + volume * amplitude_stride + members, mask=exists, other=0.0)
    first_column, first_row, first_plane = (
        first_pixel_of(x, reach),
        first_pixel_of(y, reach),
        first_pixel_of(z, reach),
    )
    largest_footprint = 2 * tl.max(reach, axis=0)
    for tile in range(0, largest_footprint, TILE):
        weights = tile_weights(first_column + tile, x, width, TILE)
        for i in range(largest_footprint):
            plane = first_plane + i
            is_plane = is_pixel(plane, i, reach, box_size)
            plane_weight = amplitude * pixel_weight(plane, z, width)
            for j in range(largest_footprint):
                row = first_row + j
                is_row = is_plane & is_pixel(row, j, reach, box_size)
                row_weight = plane_weight * pixel_weight(row, y, width)
                line = (volume * box_size + plane) * box_size + row
                addresses = volumes + line * box_size + first_column + tile
                for k in tl.static_range(TILE):
                    counts = is_row & is_pixel(first_column + tile + k, tile + k, reach, box_size)
                    tl.atomic_add(addresses + k, row_weight * weights[k], mask=counts, sem="relaxed")


@triton.jit
def gather(positions, amplitudes, widths, volume, values, n_gaussians, box_size, position_stride, amplitude_stride, width_stride, BLOCK: tl.constexpr, TILE: tl.constexpr):  # fmt: skip
    """Sum one volume weighted by each Gaussian of a block; values (batch, n) without shared memory."""
    n_blocks = tl.cdiv(n_gaussians, BLOCK)
    cloud = (tl.program_id(0) // n_blocks).to(tl.int64)
    members = (tl.program_id(0) % n_blocks) * BLOCK + tl.arange(0, BLOCK)
    exists = members < n_gaussians
    x, y, z, width, reach = load_block(
        positions + cloud * position_stride, widths + cloud * width_stride, members, exists, box_size
    )
    amplitude = tl.load(amplitudes + cloud * amplitude_stride + members, mask=exists, other=0.0)
    first_column, first_row, first_plane = (
        first_pixel_of(x, reach),
        first_pixel_of(y, reach),
        first_pixel_of(z, reach),
    )
    largest_footprint = 2 * tl.max(reach, axis=0)
    total = tl.zeros([BLOCK], tl.float32)
    for tile in range(0, largest_footprint, TILE):
        weights = tile_weights(first_column + tile, x, width, TILE)
        for i in range(largest_footprint):
            plane = first_plane + i
            is_plane = is_pixel(plane, i, reach, box_size)
            plane_weight = amplitude * pixel_weight(plane, z, width)
            for j in range(largest_footprint):
                row = first_row + j
                is_row = is_plane & is_pixel(row, j, reach, box_size)
                line = plane.to(tl.int64) * box_size + row
                addresses = volume + line * box_size + first_column + tile
                weighted = tl.zeros([BLOCK], tl.float32)
                for k in tl.static_range(TILE):
                    counts = is_row & is_pixel(first_column + tile + k, tile + k, reach, box_size)
                    weighted += weights[k] * tl.load(addresses + k, mask=counts, other=0.0)
                total += plane_weight * pixel_weight(row, y, width) * weighted
    tl.store(values + cloud * n_gaussians + members, total, mask=exists)


def render_on_device(
    positions_in_pixels: Tensor,  # (batch, n, 3), ordered xyz, relative to the rotation centre
    amplitudes: Tensor,  # (batch, n)
    widths_in_pixels: Tensor,  # (1 or batch, n)
    box_size: int,
) -> Tensor:  # (batch, box, box, box) float32, ordered zyx
    """Volumes of the clouds, on the device of the positions."""
    cloud = [with_close_rows(value) for value in (positions_in_pixels, amplitudes, widths_in_pixels)]
    shape = (len(positions_in_pixels), box_size, box_size, box_size)
    volumes = torch.zeros(shape, device=positions_in_pixels.device)
    launch(splat, cloud, [*cloud, volumes], box_size)
    return volumes


def read_on_device(
    volume: Tensor,  # (box, box, box), ordered zyx
    positions_in_pixels: Tensor,  # (batch, n, 3)
    widths_in_pixels: Tensor,  # (1 or batch, n)
) -> Tensor:  # (batch, n): sum over voxels of the volume times each Gaussian of amplitude 1
    """The transpose of render_on_device."""
    amplitudes = torch.ones(1, positions_in_pixels.shape[1], device=positions_in_pixels.device)
    cloud = [with_close_rows(value) for value in (positions_in_pixels, amplitudes, widths_in_pixels)]
    values = torch.zeros(positions_in_pixels.shape[:2], device=positions_in_pixels.device)
    launch(gather, cloud, [*cloud, volume.to(torch.float32).contiguous(), values], volume.shape[-1])
    return values
