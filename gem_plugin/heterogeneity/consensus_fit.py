"""The consensus cloud brought to the images: grey scale by least squares, then a short fit of every Gaussian."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.losses.image import squared_error
from gem_plugin.heterogeneity.observations import Observations, row_chunks
from gem_plugin.progress import Track, untracked

IMAGES_FOR_GREY_SCALE = 2000
LEARNING_RATE = 1e-3  # pixels, and logarithm of amplitude, per step of Adam


def fit_grey_scale(
    cloud_in_pixels: GaussianCloud, observations: Observations, rows: Tensor, track: Track = untracked
) -> float:
    """The factor on all amplitudes that makes projections fit images best: sum(P g) / sum(P h P).

    0 or less means that the map does not match the images: wrong hand of contrast, wrong poses.
    """
    matched = explained = 0.0
    for part in track(list(row_chunks(len(rows), 64)), "Grey scale", unit="batch"):
        batch = observations.batch(rows[part])
        with torch.no_grad():
            images = project_gaussians(cloud_in_pixels, batch.rotation_matrices, observations.box_size, 1.0)
            filtered = torch.fft.irfft2(torch.fft.rfft2(images) * batch.filters, s=images.shape[-2:])
            matched += float((images * batch.images).sum())
            explained += float((images * filtered).sum())
    return matched / max(explained, 1e-30)


def fit_consensus(
    cloud_in_pixels: GaussianCloud,
    observations: Observations,
    batches: Iterable[Tensor],  # rows of each step
    n_steps: int,
    report: Callable[[float], None] = lambda loss: None,
) -> GaussianCloud:
    """Adam on positions and log-amplitudes with one static cloud; the rate falls to zero along a cosine."""
    positions = cloud_in_pixels.positions_in_angstroms.clone().requires_grad_()
    floor = 1e-3 * cloud_in_pixels.amplitudes.mean()
    log_amplitudes = cloud_in_pixels.amplitudes.clamp_min(floor).log().requires_grad_()
    optimiser = torch.optim.Adam([positions, log_amplitudes], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, n_steps))
    for rows in batches:
        batch = observations.batch(rows)
        cloud = GaussianCloud(positions, log_amplitudes.exp(), cloud_in_pixels.widths_in_angstroms)
        images = project_gaussians(cloud, batch.rotation_matrices, observations.box_size, 1.0)
        loss = squared_error(images, batch.images, batch.filters).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        report(float(loss.detach()))
    return GaussianCloud(
        positions.detach(), log_amplitudes.detach().exp(), cloud_in_pixels.widths_in_angstroms
    )
