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
from gem_plugin.heterogeneity.prefetch import send
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
        images = project_gaussians(cloud, views, box_size, observations.pixel_size_in_angstroms, projector)
        total += torch.fft.rfft2(images).abs().square().sum(0) / box_size**2
        n_images += len(part)
    rings = ring_indices(box_size, total.device).clamp_max(box_size // 2).flatten()
    values = torch.stack([total.flatten() / n_images, torch.ones_like(total).flatten()], 1)
    sums, counts = values.new_zeros(box_size // 2 + 1, 2).index_add_(0, rings, values).unbind(1)
    return sums / counts


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


class OutlierMixture:
    """The shares of the three kinds, and what each image says about the third."""

    def __init__(self) -> None:
        self.shares = KindShares()
        self._elsewhere: Tensor | None = None  # (n,); None: outliers are not looked for

    @property
    def is_on(self) -> bool:
        return self._elsewhere is not None

    def look_for_outliers(
        self, consensus: GaussianCloud, observations: Observations, rows: Tensor, projector: str = "auto"
    ) -> None:
        """From now on; reads all images once. The mean power of density is that of the consensus in the views of the rows."""
        power = projection_power(consensus, observations, rows, projector)
        self._elsewhere = torch.empty(len(observations), device=observations.device)
        for some in row_chunks(len(observations), IMAGES_AT_A_TIME):
            evidence = evidence_of_density_elsewhere(observations.batch(some), power)
            self._elsewhere[some[0] : some[-1] + 1] = evidence

    def evidence_of(self, rows: Tensor) -> Tensor | None:  # (batch,)
        """Log-likelihood of density elsewhere of some particles; None where outliers are not looked for."""
        return None if self._elsewhere is None else self._elsewhere[send(rows, self._elsewhere.device)]

    def probabilities(
        self,
        losses: Tensor,  # (batch,): minus the evidence bound of each image
        elsewhere: Tensor | None,  # (batch,): evidence_of the same particles
    ) -> Tensor:  # (batch, N_KINDS)
        """Probability of each kind; all images are the molecule where outliers are not looked for."""
        if elsewhere is None:
            return torch.eye(N_KINDS, device=losses.device)[0].expand(len(losses), N_KINDS)
        return kind_probabilities(losses, elsewhere, self.shares)

    def of_model(self, rows: Tensor, losses: Tensor) -> Tensor:  # (batch,)
        """Probability that particles are the molecule as modelled."""
        return self.probabilities(losses, self.evidence_of(rows))[:, 0]

    def update(self, counts: Tensor) -> None:  # (N_KINDS,): sums of probabilities
        """The shares of largest likelihood for these probabilities: one step of expectation maximisation."""
        if self.is_on:
            self.shares = KindShares.of_counts(counts)
