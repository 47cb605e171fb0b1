"""Project a cloud of Gaussians to images: one function, the same on every device.

CPU tensors go to the Numba kernels, `projector="reference"` to plain torch. The choice changes speed, not results.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.pixel_tables import (
    PixelTable,
    footprint_of,
    table_of_many_widths,
    table_of_one_width,
)
from gem_plugin.gaussians.projection_reference import project_reference

PROJECTORS = ("auto", "reference")


def project_gaussians(
    cloud: GaussianCloud,  # one cloud, or one per image
    rotation_matrices: Tensor,  # (batch, 3, 3): a point v lands on (A v)[:2]
    box_size: int,
    pixel_size_in_angstroms: float,
    projector: str = "auto",
) -> Tensor:  # (batch, box, box): each pixel the integral of the density over it, rotation centre on box // 2
    """Orthographic projection, differentiable in positions, amplitudes and widths (not in the rotations)."""
    batch = len(rotation_matrices)
    positions = _batched(cloud.positions_in_angstroms, batch, 2) / pixel_size_in_angstroms
    amplitudes = _batched(cloud.amplitudes, batch, 1)
    widths = cloud.widths_in_angstroms / pixel_size_in_angstroms
    if projector == "reference" or positions.dtype != torch.float32:
        return project_reference(
            positions, amplitudes, _batched(widths, batch, 1), rotation_matrices, box_size
        )
    if projector != "auto":
        raise InputError(f"--projector is {projector!r}; expected one of {', '.join(PROJECTORS)}.")
    if widths.ndim == 1:
        widths = widths[None]
    return _Projection.apply(positions, amplitudes, widths, rotation_matrices, box_size)


def _batched(values: Tensor, batch: int, n_dimensions: int) -> Tensor:
    """Repeat the values of one cloud for every image, without copying."""
    return values if values.ndim == n_dimensions + 1 else values.expand(batch, *values.shape)


def pixel_table_for(widths_in_pixels: Tensor, has_gradient: bool = False) -> PixelTable:
    """The table that covers these widths: an exact one when they are all the same and need no gradient."""
    smallest, largest = (float(value) for value in torch.aminmax(widths_in_pixels))
    if smallest == largest and not has_gradient:
        return table_of_one_width(smallest)
    return table_of_many_widths(footprint_of(largest))


class _Projection(torch.autograd.Function):
    """Numba kernels as a differentiable operation."""

    @staticmethod
    def forward(
        ctx: Any, positions: Tensor, amplitudes: Tensor, widths: Tensor, rotations: Tensor, box_size: int
    ) -> Tensor:
        ctx.table = table = pixel_table_for(widths, has_gradient=ctx.needs_input_grad[2])
        images = torch.zeros(len(rotations), box_size, box_size)
        cloud = [as_array(value) for value in (positions, amplitudes, widths, rotations)]
        _kernels_for(table).splat(*cloud, table.weights, *table_scale(table), images.numpy())
        ctx.save_for_backward(positions, amplitudes, widths, rotations)
        return images

    @staticmethod
    def backward(ctx: Any, image_gradients: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        table, kernels = ctx.table, _kernels_for(ctx.table)
        positions, amplitudes, widths, _ = ctx.saved_tensors
        cloud = [as_array(value) for value in ctx.saved_tensors]
        gradients = as_array(image_gradients)
        position_gradients, amplitude_gradients = torch.empty(positions.shape), torch.empty(amplitudes.shape)
        outputs = position_gradients.numpy(), amplitude_gradients.numpy()
        kernels.gather(*cloud, table.weights, table.derivatives, *table_scale(table), gradients, *outputs)
        width_gradients = None
        if ctx.needs_input_grad[2]:
            width_gradients = torch.empty(amplitudes.shape)
            kernels.gather_widths(
                *cloud, table.weights, *table_scale(table), gradients, width_gradients.numpy()
            )
            if widths.shape[0] == 1:
                width_gradients = width_gradients.sum(0, keepdim=True)
        return position_gradients, amplitude_gradients, width_gradients, None, None


def _kernels_for(table: PixelTable) -> Any:
    from gem_plugin.gaussians.projection_numba import make_kernels  # compiles; not wanted for --help

    return make_kernels(table.weights.shape[-1], table.widths_per_log_unit > 0)


def table_scale(table: PixelTable) -> tuple[np.float32, np.float32]:
    return np.float32(table.log_of_smallest_width), np.float32(table.widths_per_log_unit)


def as_array(tensor: Tensor) -> np.ndarray:
    """The memory of a CPU tensor as a contiguous float32 array."""
    return np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)
