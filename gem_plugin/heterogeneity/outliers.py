"""Particles that are not what the model says: noise, or a molecule that is not where the pose says.

Every image is one of three kinds, whose shares are those of largest likelihood:
    the molecule as modelled,   log-likelihood -loss;
    noise alone,                0, since losses are relative to an empty image;
    density somewhere,          a random image with the mean power s of projections:  sum_k [ |g_k|^2 s_k / (1 + h_k s_k) - log(1 + h_k s_k) ]
over independent Fourier coefficients k, with g and h as in observations.py. The probability of the first kind weights the particle
in training, so that junk teaches the model nothing.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.observations import MatchedBatch, Observations, row_chunks
from gem_plugin.imaging.fourier import half_spectrum_weights, ring_indices

N_KINDS = 3
START_SHARES = (0.90, 0.05, 0.05)
MINIMUM_SHARE = 1e-4  # of each kind, so that none is lost for good
IMAGES_FOR_POWER = 1000
IMAGES_AT_A_TIME = 64


class KindShares(NamedTuple):
    """Fractions of the particles: molecule as modelled, noise alone, density somewhere. Their sum is 1."""

    model: float = START_SHARES[0]
    noise: float = START_SHARES[1]
    elsewhere: float = START_SHARES[2]

    @classmethod
    def of_counts(cls, counts: Tensor) -> "KindShares":  # (3,): sums of probabilities
        shares = (counts.double() / counts.double().sum().clamp_min(1e-30)).clamp_min(MINIMUM_SHARE)
        return cls(*(shares / shares.sum()).tolist())


def kind_probabilities(
    losses: Tensor,  # (batch,): minus the evidence bound of each image, relative to an empty image
    elsewhere: Tensor,  # (batch,): log-likelihood of density somewhere
    shares: KindShares,
) -> Tensor:  # (batch, 3)
    """Posterior probabilities of the three kinds."""
    evidence = torch.stack([-losses, torch.zeros_like(losses), elsewhere.to(losses.dtype)], 1)
    return torch.softmax(evidence + evidence.new_tensor(shares).log(), 1)


@torch.no_grad()
def projection_power(
    cloud: GaussianCloud,
    observations: Observations,
    rows: Tensor,
    projector: str = "auto",
) -> Tensor:  # (box // 2 + 1,): mean power of projections per ring, in the units of the noise spectrum
    """How strong density is at each frequency, whatever its pose: mean over projections of the cloud."""
    rows = rows[:: max(1, len(rows) // IMAGES_FOR_POWER)]
    box_size = observations.box_size
    total, n_images = torch.zeros(box_size, box_size // 2 + 1, device=observations.device), 0
    for part in rows.split(IMAGES_AT_A_TIME):
        views = observations.batch(part).rotation_matrices
        images = project_gaussians(
            cloud, views, box_size, observations.pixel_size_in_angstroms, projector
        )
        total += torch.fft.rfft2(images).abs().square().sum(0) / box_size**2
        n_images += len(part)
    rings = ring_indices(box_size, total.device).clamp_max(box_size // 2).flatten()
    n_rings = box_size // 2 + 1
    sums = torch.zeros(n_rings, device=total.device).index_add_(0, rings, total.flatten() / n_images)
    return sums / torch.bincount(rings, minlength=n_rings)


@torch.no_grad()
def evidence_of_density_elsewhere(
    batch: MatchedBatch,
    power: Tensor,  # (box // 2 + 1,)
) -> Tensor:  # (batch,) nats, relative to an empty image
    """The third kind's log-likelihood: a random image of this power under the CTF of the particle, beside noise."""
    box_size = batch.images.shape[-1]
    rings = ring_indices(box_size, power.device).clamp_max(box_size // 2)
    signal = power[rings]
    widened = 1 + batch.filters * signal
    matched = torch.fft.rfft2(batch.images).abs().square() / box_size**2
    weights = half_spectrum_weights(box_size, power.device) / 2  # independent coefficients
    return (weights * (matched * signal / widened - widened.log())).sum((1, 2))


@torch.no_grad()
def all_evidence_of_density_elsewhere(
    observations: Observations, power: Tensor, track=iter
) -> Tensor:  # (n,) float32
    """The same for all particles, on the device of the observations."""
    evidence = torch.empty(len(observations), device=observations.device)
    for rows in track(list(row_chunks(len(observations), IMAGES_AT_A_TIME))):
        evidence[rows[0] : rows[-1] + 1] = evidence_of_density_elsewhere(observations.batch(rows), power)
    return evidence

