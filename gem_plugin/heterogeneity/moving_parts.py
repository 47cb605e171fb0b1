"""The other explanation of images that do not fit: not the pose is off, but parts of the molecule lie elsewhere or are absent.

A model that is not trained far enough misses what particles differ by, and poses that are free explain some of it. So the molecule
is cut into a few parts. Each moves in the image and changes its amplitude by itself, with two variances of largest likelihood, as
poses have two. Poses that are off move all parts together; motion that the model does not know yet does not.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import batch_in_pixels, project_gaussians
from gem_plugin.heterogeneity.observations import MatchedBatch
from gem_plugin.heterogeneity.pose_refinement import (
    MAXIMUM_SHIFT_VARIANCE_IN_PIXELS,
    PoseTerms,
    frequencies,
    pose_spectra,
    terms_of_spectra,
)
from gem_plugin.heterogeneity.variance_components import evidence_of_variances, likeliest_variances

TIMES_HALVED = 3  # so that there are eight parts
LIMITS = MAXIMUM_SHIFT_VARIANCE_IN_PIXELS, 1.0  # of the variances of shift and amplitude


class PartVariances(NamedTuple):
    """How far parts lie from where the model has them, and how much more or less of them there is; 0 where the model is right."""

    shift: float  # pixels squared, along each axis of the image
    amplitude: float  # relative, squared


@torch.no_grad()
def parts_of(positions: Tensor) -> list[Tensor]:  # (n, 3) -> numbers of the Gaussians of each part
    """Halves of halves of the molecule, each cut across its longest direction."""
    parts = [torch.arange(len(positions), device=positions.device)]
    for _ in range(TIMES_HALVED):
        parts = [half for part in parts for half in _halves(positions, part)]
    return parts


@torch.no_grad()
def pose_and_part_terms(
    cloud: GaussianCloud,  # one cloud, or one per image, in pixels
    batch: MatchedBatch,
    parts: list[Tensor],
    projector: str = "auto",
    contrast_variance: float = 0.0,
    jacobians: Tensor | None = None,  # of tilt_series_poses.py, where particles own several images
) -> (
    PoseTerms
):  # of five numbers of the pose, then shift x and y of every part (pixels), then their relative amplitudes
    """Loss, gradient and curvature of poses and parts together."""
    of_pose = pose_spectra(cloud, batch, projector)
    of_parts = _part_spectra(cloud, batch, parts, projector)
    spectra = torch.cat([of_pose[:, :-1], of_parts, of_pose[:, -1:]], dim=1)  # the image last
    return terms_of_spectra(spectra, batch, contrast_variance, jacobians)


@torch.no_grad()
def part_terms(
    cloud: GaussianCloud,
    batch: MatchedBatch,
    parts: list[Tensor],
    projector: str = "auto",
    contrast_variance: float = 0.0,
) -> PoseTerms:
    """The same of the parts alone."""
    of_parts = _part_spectra(cloud, batch, parts, projector)
    image = of_parts[:, -len(parts) :].sum(1, keepdim=True)
    return terms_of_spectra(torch.cat([of_parts, image], dim=1), batch, contrast_variance)


def likeliest_motion(
    information: Tensor,  # (n, (d + 1) * parts): shifts first, then amplitudes
    curvatures: Tensor,  # (n, (d + 1) * parts, (d + 1) * parts)
    weights: Tensor,  # (n,)
    n_directions: int = 2,  # d: those of the image, or all three
) -> PartVariances:
    """The two variances of largest likelihood."""
    sizes = _sizes(information, n_directions)
    return PartVariances(*likeliest_variances((0.0, 0.0), sizes, LIMITS, information, curvatures, weights))


def evidence_of_motion(
    variances: PartVariances,
    information: Tensor,  # (n, (d + 1) * parts)
    curvatures: Tensor,  # (n, (d + 1) * parts, (d + 1) * parts)
    n_directions: int = 2,
) -> Tensor:  # (n,) nats
    """How much more likely an image is where parts move and change by themselves than where they do not."""
    return evidence_of_variances(variances, _sizes(information, n_directions), information, curvatures)


def _sizes(information: Tensor, n_directions: int) -> tuple[int, int]:
    n_parts = information.shape[1] // (n_directions + 1)
    return n_directions * n_parts, n_parts


def _halves(positions: Tensor, part: Tensor) -> list[Tensor]:
    if len(part) < 2:
        return [part]
    centred = (positions[part] - positions[part].mean(0)).double()
    longest = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -1]
    order = part[(centred @ longest).argsort()]
    return [order[: len(order) // 2], order[len(order) // 2 :]]


def _part_spectra(
    cloud: GaussianCloud, batch: MatchedBatch, parts: list[Tensor], projector: str
) -> Tensor:  # (batch, 3 * parts, box, box // 2 + 1): derivatives by shifts x, shifts y, relative amplitudes
    positions, amplitudes, widths = batch_in_pixels(cloud, len(batch.images), None)
    images = [
        project_gaussians(
            replace(
                cloud, positions=positions[:, part], amplitudes=amplitudes[:, part], widths=widths[:, part]
            ),
            batch.rotation_matrices,
            batch.images.shape[-1],
            projector=projector,
        )
        for part in parts
    ]
    spectra = torch.fft.rfft2(torch.stack(images, 1))
    kx, ky = frequencies(batch.images.shape[-1], batch.images.device)
    return torch.cat([-spectra * kx, -spectra * ky, spectra], dim=1)
