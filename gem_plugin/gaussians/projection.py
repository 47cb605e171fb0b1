"""Project a cloud of Gaussians to images: one function, the same on every device.

CPU tensors go to the Numba kernels, CUDA tensors to the Triton kernels, `projector="reference"` to plain torch and
`"xray"` to GaussianEM's own rasteriser. The choice changes speed, not results.
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
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
from gem_plugin.gaussians.projectors import PROJECTORS
from gem_plugin.notices import warn


def project_gaussians(
    cloud: GaussianCloud,  # one cloud, or one per image
    rotation_matrices: Tensor,  # (batch, 3, 3): a point v lands on (A v)[:2]
    box_size: int,
    pixel_size_in_angstroms: float | None = None,  # of the images; only a cloud in Angstrom needs it
    projector: str = "auto",
) -> Tensor:  # (batch, box, box): each pixel the integral of the density over it, rotation centre on box // 2
    """Orthographic projection, differentiable in positions, amplitudes and widths (not in the rotations)."""
    positions, amplitudes, widths = batch_in_pixels(cloud, len(rotation_matrices), pixel_size_in_angstroms)
    _check_together(positions, amplitudes, widths, rotation_matrices)
    project = _implementation_of(projector, positions)
    return project(positions, amplitudes, widths, rotation_matrices, box_size)


def batch_in_pixels(
    cloud: GaussianCloud, batch: int, pixel_size_in_angstroms: float | None
) -> tuple[Tensor, Tensor, Tensor]:  # positions (batch, n, 3), amplitudes (batch, n), widths (1 or batch, n)
    """The values of one cloud repeated for every image, without copying; widths may stay one row for all."""
    cloud = cloud.in_pixels(pixel_size_in_angstroms)
    positions, amplitudes = _batched(cloud.positions, batch, 2), _batched(cloud.amplitudes, batch, 1)
    return positions, amplitudes, cloud.widths[None] if cloud.widths.ndim == 1 else cloud.widths


def _batched(values: Tensor, batch: int, n_dimensions: int) -> Tensor:
    return values if values.ndim == n_dimensions + 1 else values.expand(batch, *values.shape)


def _check_together(positions: Tensor, amplitudes: Tensor, widths: Tensor, rotations: Tensor) -> None:
    """The kernels index by these shapes, so one that differs would read foreign memory."""
    batch, n_gaussians = len(rotations), positions.shape[1]
    shapes_agree = (
        positions.shape == (batch, n_gaussians, 3)
        and amplitudes.shape == (batch, n_gaussians)
        and widths.shape in ((1, n_gaussians), (batch, n_gaussians))
        and rotations.shape == (batch, 3, 3)
    )
    devices = {value.device for value in (positions, amplitudes, widths, rotations)}
    if not shapes_agree or len(devices) > 1:
        found = [
            f"{tuple(value.shape)} on {value.device}" for value in (positions, amplitudes, widths, rotations)
        ]
        raise InputError(
            "Expected positions (batch, n, 3), amplitudes and widths (batch, n) and rotations (batch, 3, 3) on one "
            f"device, got {', '.join(found)}. Give one cloud, or one cloud for each of the {batch} views."
        )


def _implementation_of(projector: str, positions: Tensor) -> Callable[..., Tensor]:
    """The function behind the name, all with the same arguments; an error where it cannot run."""
    if projector not in PROJECTORS:
        raise InputError(f"--projector is {projector!r}; expected one of {', '.join(PROJECTORS)}.")
    if projector == "xray":
        from gem_plugin.gaussians.projection_xray import project_xray

        return project_xray
    if projector == "triton" or (projector == "auto" and is_for_triton(positions)):
        return _triton_projection(positions)
    if projector == "auto" and positions.device.type == "cpu" and positions.dtype == torch.float32:
        return _Projection.apply
    return project_reference


def is_for_triton(values: Tensor) -> bool:
    """Whether the Triton kernels are the best there is: CUDA tensors, single precision at most, Triton installed."""
    if not values.is_cuda or values.dtype == torch.float64:
        return False
    if find_spec("triton") is None:
        warn(
            "Triton is not installed, so that the slow reference is used instead on this device. "
            "Install the triton that your torch was built for (Linux wheels of torch bring it)."
        )
        return False
    return True


def _triton_projection(positions: Tensor) -> Callable[..., Tensor]:
    if find_spec("triton") is None:
        raise InputError(
            "--projector triton needs the triton package, which the Linux wheels of torch for CUDA bring. "
            "Install it, or use --projector auto."
        )
    if not positions.is_cuda and os.environ.get("TRITON_INTERPRET") != "1":
        raise InputError(
            f"--projector triton needs a CUDA device, and the data is on {positions.device}. "
            "Use --projector auto (or set TRITON_INTERPRET=1 to test the kernels, very slowly, on a CPU)."
        )
    from gem_plugin.gaussians.projection_triton import TritonProjection

    return TritonProjection.apply


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
        kernels, images = _kernels_for(table), torch.zeros(len(rotations), box_size, box_size)
        cloud = _cloud_arrays(kernels, positions, amplitudes, widths, rotations)
        kernels.splat(*cloud, table.weights, *table_scale(table), images.numpy())
        ctx.save_for_backward(positions, amplitudes, widths, rotations)
        return images

    @staticmethod
    def backward(ctx: Any, image_gradients: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        table, kernels = ctx.table, _kernels_for(ctx.table)
        _, amplitudes, widths, _ = ctx.saved_tensors
        cloud = _cloud_arrays(kernels, *ctx.saved_tensors)
        gradients = as_array(image_gradients)
        position_gradients, amplitude_gradients = torch.empty(cloud[0].shape), torch.empty(amplitudes.shape)
        outputs = position_gradients.numpy(), amplitude_gradients.numpy()
        kernels.gather(*cloud, table.weights, table.derivatives, *table_scale(table), gradients, *outputs)
        if kernels.takes_planes:
            position_gradients = position_gradients.transpose(1, 2)
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
    from gem_plugin.gaussians import (
        projection_numba,
        projection_numba_narrow,
    )  # compile; not needed for --help

    footprint, has_many_widths = table.weights.shape[-1], table.widths_per_log_unit > 0
    if footprint == projection_numba_narrow.FOOTPRINT and not has_many_widths:
        return projection_numba_narrow.narrow_kernels()
    return projection_numba.make_kernels(footprint, has_many_widths)


def _cloud_arrays(kernels: Any, positions: Tensor, *others: Tensor) -> list[np.ndarray]:
    """The arrays that these kernels take; what lies in memory as they want it is not copied."""
    positions = positions.transpose(1, 2) if kernels.takes_planes else positions
    return [as_array(value) for value in (positions, *others)]


def table_scale(table: PixelTable) -> tuple[np.float32, np.float32]:
    return np.float32(table.log_of_smallest_width), np.float32(table.widths_per_log_unit)


def as_array(tensor: Tensor) -> np.ndarray:
    """The memory of a CPU tensor as a contiguous float32 array."""
    return np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)
