"""The projection for CUDA devices: Triton kernels for the images (`splat`) and for the gradients (`gather`).

A thread owns one Gaussian of one image: it holds the weights of up to 8 columns in registers and walks down the rows.
`splat` adds to the image with float32 atomics: a batch of images (17 MB for 256 of 128 px) stays in the L2 cache, where
the 36 atomics of a Gaussian are cheap, whereas sorting the Gaussians into tiles of each image, so that none were needed,
would cost several passes over all of them in every step. `gather` needs no atomics. Both cut each Gaussian at its own
reach, so nothing about the widths has to be known on the CPU and no step waits for the device. The order of the atomics
is not fixed: images repeat to float32 rounding, not bit for bit.
"""

from contextlib import nullcontext
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from gem_plugin.gaussians.integrals_triton import (
    first_pixel_of,
    is_near_box,
    is_pixel,
    pixel_slopes,
    pixel_weight,
    reach_of,
    tile_slopes,
    tile_weights,
)

BLOCK = 128  # Gaussians of a program, one a thread
TILE = 8  # columns held in registers at once; a width of 0.7 px needs 6
N_WARPS = 4


@triton.jit
def load_block(positions, widths, rotation, members, exists, box_size):
    """Image coordinates x, y, widths and reaches of a block of Gaussians; reach 0 for those that touch no pixel."""
    x = tl.load(positions + members * 3, mask=exists, other=0.0)
    y = tl.load(positions + members * 3 + 1, mask=exists, other=0.0)
    z = tl.load(positions + members * 3 + 2, mask=exists, other=0.0)
    width = tl.load(widths + members, mask=exists, other=0.0)
    centre = box_size // 2
    image_x = tl.load(rotation) * x + tl.load(rotation + 1) * y + tl.load(rotation + 2) * z + centre
    image_y = tl.load(rotation + 3) * x + tl.load(rotation + 4) * y + tl.load(rotation + 5) * z + centre
    is_near = is_near_box(image_x, width, box_size) & is_near_box(image_y, width, box_size)
    image_x, image_y = tl.where(is_near, image_x, 0.0), tl.where(is_near, image_y, 0.0)
    width = tl.where(is_near, width, 1.0)
    reach = tl.where(is_near, reach_of(width, box_size), 0.0).to(tl.int32)
    return image_x, image_y, width, reach


@triton.jit
def splat(positions, amplitudes, widths, rotations, images, n_gaussians, box_size, position_stride, amplitude_stride, width_stride, BLOCK: tl.constexpr, TILE: tl.constexpr):  # fmt: skip
    """Add a block of Gaussians to their image. The strides lead from one image to the next; 0 where they share."""
    n_blocks = tl.cdiv(n_gaussians, BLOCK)
    image = (tl.program_id(0) // n_blocks).to(tl.int64)
    members = (tl.program_id(0) % n_blocks) * BLOCK + tl.arange(0, BLOCK)
    exists = members < n_gaussians
    x, y, width, reach = load_block(
        positions + image * position_stride, widths + image * width_stride, rotations + image * 9, members, exists, box_size
    )  # fmt: skip
    amplitude = tl.load(amplitudes + image * amplitude_stride + members, mask=exists, other=0.0)
    first_column, first_row = first_pixel_of(x, reach), first_pixel_of(y, reach)
    largest_footprint = 2 * tl.max(reach, axis=0)
    for tile in range(0, largest_footprint, TILE):
        weights = tile_weights(first_column + tile, x, width, TILE)
        for j in range(largest_footprint):
            row = first_row + j
            is_row = is_pixel(row, j, reach, box_size)
            row_weight = amplitude * pixel_weight(row, y, width)
            addresses = images + image * box_size * box_size + row * box_size + first_column + tile
            for k in tl.static_range(TILE):
                counts = is_row & is_pixel(first_column + tile + k, tile + k, reach, box_size)
                tl.atomic_add(addresses + k, row_weight * weights[k], mask=counts, sem="relaxed")


@triton.jit
def gather(positions, amplitudes, widths, rotations, image_gradients, position_gradients, amplitude_gradients, width_gradients, n_gaussians, box_size, position_stride, amplitude_stride, width_stride, WITH_WIDTHS: tl.constexpr, BLOCK: tl.constexpr, TILE: tl.constexpr):  # fmt: skip
    """Take the gradient of the pixels back to a block of Gaussians. The gradients are (batch, n), without shared images."""
    n_blocks = tl.cdiv(n_gaussians, BLOCK)
    image = (tl.program_id(0) // n_blocks).to(tl.int64)
    members = (tl.program_id(0) % n_blocks) * BLOCK + tl.arange(0, BLOCK)
    exists = members < n_gaussians
    rotation = rotations + image * 9
    x, y, width, reach = load_block(
        positions + image * position_stride,
        widths + image * width_stride,
        rotation,
        members,
        exists,
        box_size,
    )
    amplitude = tl.load(amplitudes + image * amplitude_stride + members, mask=exists, other=0.0)
    first_column, first_row = first_pixel_of(x, reach), first_pixel_of(y, reach)
    largest_footprint = 2 * tl.max(reach, axis=0)
    total = tl.zeros([BLOCK], tl.float32)
    along_x, along_y, along_width = total, total, total
    for tile in range(0, largest_footprint, TILE):
        weights = tile_weights(first_column + tile, x, width, TILE)
        slopes, width_slopes = tile_slopes(first_column + tile, x, width, TILE)
        for j in range(largest_footprint):
            row = first_row + j
            is_row = is_pixel(row, j, reach, box_size)
            addresses = image_gradients + image * box_size * box_size + row * box_size + first_column + tile
            weighted = tl.zeros([BLOCK], tl.float32)
            sloped, widened = weighted, weighted
            for k in tl.static_range(TILE):
                counts = is_row & is_pixel(first_column + tile + k, tile + k, reach, box_size)
                gradient = tl.load(addresses + k, mask=counts, other=0.0)
                weighted += weights[k] * gradient
                sloped += slopes[k] * gradient
                widened += width_slopes[k] * gradient
            row_weight = pixel_weight(row, y, width)
            row_slope, row_width_slope = pixel_slopes(row, y, width)
            total += row_weight * weighted
            along_x += row_weight * sloped
            along_y += row_slope * weighted
            along_width += row_width_slope * weighted + row_weight * widened
    first = image * n_gaussians + members
    tl.store(amplitude_gradients + first, total, mask=exists)
    along_x, along_y = along_x * amplitude, along_y * amplitude
    for axis in tl.static_range(3):
        along_axis = tl.load(rotation + axis) * along_x + tl.load(rotation + 3 + axis) * along_y
        tl.store(position_gradients + first * 3 + axis, along_axis, mask=exists)
    if WITH_WIDTHS:
        tl.store(width_gradients + first, along_width * amplitude, mask=exists)


class TritonProjection(torch.autograd.Function):
    """The kernels as a differentiable operation; the rotations get no gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        positions: Tensor,  # (batch, n, 3) in pixels from the rotation centre; images may share their memory
        amplitudes: Tensor,  # (batch, n)
        widths: Tensor,  # (1 or batch, n), in pixels
        rotations: Tensor,  # (batch, 3, 3)
        box_size: int,
    ) -> Tensor:  # (batch, box, box) float32
        cloud = [with_close_rows(value) for value in (positions, amplitudes, widths)]
        rotations = rotations.to(torch.float32).contiguous()
        images = torch.zeros(len(rotations), box_size, box_size, device=positions.device)
        launch(splat, cloud, [*cloud, rotations, images], box_size)
        ctx.save_for_backward(*cloud, rotations)
        ctx.box_size = box_size
        return images

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, image_gradients: Tensor) -> tuple[Tensor | None, ...]:
        *cloud, rotations = ctx.saved_tensors
        shape, device = cloud[0].shape[:2], cloud[0].device
        position_gradients = torch.zeros(*shape, 3, device=device)
        amplitude_gradients = torch.zeros(shape, device=device)
        width_gradients = torch.zeros(shape, device=device) if ctx.needs_input_grad[2] else None
        image_gradients = image_gradients.to(torch.float32).contiguous()
        outputs = [position_gradients, amplitude_gradients, width_gradients]
        arguments = [*cloud, rotations, image_gradients, *outputs]
        launch(gather, cloud, arguments, ctx.box_size, WITH_WIDTHS=width_gradients is not None)
        if width_gradients is not None and len(cloud[2]) == 1:
            width_gradients = width_gradients.sum(0, keepdim=True)
        return position_gradients, amplitude_gradients, width_gradients, None, None


def launch(kernel: Any, cloud: list[Tensor], tensors: list, box_size: int, **constants: bool) -> None:
    """Run a kernel on (tensors, n, box, strides of the cloud): one program a block of Gaussians of one image."""
    batch, n_gaussians, _ = cloud[0].shape
    if batch == 0 or n_gaussians == 0:
        return
    strides = [value.stride(0) if len(value) > 1 else 0 for value in cloud]
    grid = (batch * triton.cdiv(n_gaussians, BLOCK),)
    with torch.cuda.device(cloud[0].device) if cloud[0].is_cuda else nullcontext():
        kernel[grid](
            *tensors, n_gaussians, box_size, *strides, **constants, BLOCK=BLOCK, TILE=TILE, num_warps=N_WARPS
        )


def with_close_rows(values: Tensor) -> Tensor:
    """The same values in float32, contiguous within an image; images that share memory go on sharing it."""
    values = values.to(torch.float32)
    return values if values[:1].is_contiguous() else values.contiguous()
