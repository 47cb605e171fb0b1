"""The projection by GaussianEM's own rasteriser (xray_gaussian_rasterization_voxelization), for comparison only.

That package is CUDA code which its users compile themselves; nothing of it is here, only its calling convention:
positions in half boxes with pixel i at (2 i + 1) / size - 1, one image per call, Gaussians sampled at the pixel centres.
A pixel's integral is close to the sample of a Gaussian wider by the variance of a pixel (1/12), which is what is requested.
It drops contributions below 1e-5 and stops adding where the product of (1 - contribution) falls below 1e-4, so amplitudes
are scaled down before and the image up after; negative amplitudes are lost.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from gem_plugin.errors import InputError

PACKAGE = "xray_gaussian_rasterization_voxelization"
VARIANCE_OF_A_PIXEL = 1 / 12
MAXIMUM_CONTRIBUTION = (
    0.01  # to one pixel: 900 such Gaussians may overlap, and each is cut at a thousandth of its peak
)
DEPTH_OF_THE_CENTRE = 5.0  # in half boxes; what lies nearer to the eye than 0.2 is not drawn


def project_xray(
    positions_in_pixels: Tensor,  # (batch, n, 3), ordered xyz, relative to the rotation centre
    amplitudes: Tensor,  # (batch, n), not negative
    widths_in_pixels: Tensor,  # (1 or batch, n)
    rotation_matrices: Tensor,  # (batch, 3, 3)
    box_size: int,
) -> Tensor:  # (batch, box, box), rotation centre on pixel box // 2
    """Images one after another, as GaussianEM makes them; differentiable in positions, amplitudes and widths."""
    package = _package_for(positions_in_pixels)
    widths = widths_in_pixels.expand(amplitudes.shape)
    half_box = box_size / 2
    sampled_widths = torch.sqrt(widths**2 + VARIANCE_OF_A_PIXEL)
    peaks = amplitudes / (2 * torch.pi * sampled_widths**2)  # of each projected Gaussian
    scale = (MAXIMUM_CONTRIBUTION / peaks.detach().max().clamp_min(torch.finfo(peaks.dtype).tiny)).clamp_max(
        1e30
    )
    densities = (
        scale * peaks / ((2 * torch.pi) ** 0.5 * sampled_widths / half_box)
    )  # it integrates along z itself
    images = [
        _rasterise(package, position / half_box, density, width / half_box, rotation, box_size)
        for position, density, width, rotation in zip(
            positions_in_pixels, densities, sampled_widths, rotation_matrices, strict=True
        )
    ]
    return torch.stack(images) / scale


def _package_for(values: Tensor) -> Any:
    if find_spec(PACKAGE) is None:
        raise InputError(
            f"--projector xray needs the package {PACKAGE} of GaussianEM, which is not installed. "
            "Compile it from GaussianEM's submodules with your CUDA, or use --projector auto."
        )
    if not values.is_cuda:
        raise InputError(
            f"--projector xray needs a CUDA device, and the data is on {values.device}. Use --projector auto."
        )
    return import_module(PACKAGE)


def _rasterise(
    package: Any,
    positions: Tensor,  # (n, 3), in half boxes
    densities: Tensor,  # (n,)
    widths: Tensor,  # (n,), in half boxes
    rotation: Tensor,  # (3, 3)
    box_size: int,
) -> Tensor:  # (box, box)
    view, projection = _view_matrices(rotation, box_size)
    settings = package.GaussianRasterizationSettings(
        image_height=box_size, image_width=box_size, tanfovx=1.0, tanfovy=1.0, scale_modifier=1.0,
        viewmatrix=view, projmatrix=projection, campos=torch.zeros_like(rotation[0]),
        prefiltered=False, record_transmittance=False, mode=0, debug=False,
    )  # fmt: skip
    no_rotation = torch.zeros(len(positions), 4, device=positions.device)
    no_rotation[:, 0] = 1
    image, _ = package.GaussianRasterizer(settings)(
        means3D=positions, means2D=torch.zeros_like(positions), opacities=densities[:, None],
        scales=widths[:, None].expand(-1, 3).contiguous(), rotations=no_rotation,
    )  # fmt: skip
    return image.reshape(box_size, box_size)


def _view_matrices(rotation: Tensor, box_size: int) -> tuple[Tensor, Tensor]:  # (4, 4) each, for row vectors
    """World to view, moved away from the eye; world to image, with the rotation centre on the centre of pixel box // 2."""
    view = torch.eye(4, device=rotation.device)
    view[:3, :3] = rotation.T
    projection = view.clone()
    projection[3, :2] = (2 * (box_size // 2) + 1) / box_size - 1
    view[3, 2] = DEPTH_OF_THE_CENTRE
    return view, projection
