"""Particles that are not what the model says: noise, or a molecule that is not where the pose says.

Every image is one of three kinds, whose shares are those of largest likelihood:
    the molecule as modelled, with log-likelihood -loss;
    noise alone, with 0, since losses are relative to an empty image;
    the molecule in any pose: a normal image whose mean m is the mean of all projections and whose power around it, s, that of
    projections around theirs:  -loss(m) + sum_k [ |g_k - h_k m_k|^2 s_k / (1 + h_k s_k) - log(1 + h_k s_k) ]
over independent Fourier coefficients k, with g and h as in observations.py. The probability of the first kind weights the particle
in training, so that junk teaches the model nothing.

The third kind counts only while most particles are clearly not of it. Where a round molecule, weak images or an untrained model
leave the pose of a usual particle unknown, it would describe good particles as well as the model does.
"""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.image_owners import sums_of_particles
from gem_plugin.heterogeneity.observations import MatchedBatch, Observations, row_chunks
from gem_plugin.heterogeneity.prefetch import send
from gem_plugin.imaging.fourier import half_spectrum_weights, ring_indices
from gem_plugin.processes.workers import Workers

N_KINDS = 3
START_SHARES = (0.90, 0.05, 0.05)
CLEARLY_IN_NATS = 5.0  # by which the model explains an image better than any pose does
MINIMUM_SHARE = 1e-4  # of each kind, so that none is lost for good
POSES = 1000  # random ones, for the mean of all projections
IMAGES_AT_A_TIME = 64
ALONE = Workers()


class KindShares(NamedTuple):
    """Fractions of the particles: molecule as modelled, noise alone, molecule in any pose. Their sum is 1."""

    model: float = START_SHARES[0]
    noise: float = START_SHARES[1]
    any_pose: float = START_SHARES[2]

    @classmethod
    def of_counts(cls, counts: Tensor) -> "KindShares":  # (3,): sums of probabilities
        shares = (counts.double() / counts.double().sum().clamp_min(1e-30)).clamp_min(MINIMUM_SHARE)
        return cls(*(shares / shares.sum()).tolist())


def kind_probabilities(
    losses: Tensor,  # (batch,): minus the evidence bound of each image, relative to an empty image
    any_pose: Tensor,  # (batch,): log-likelihood of the third kind
    shares: KindShares,
    uses_any_pose: bool = True,  # else there is no third kind
) -> Tensor:  # (batch, 3)
    """Posterior probabilities of the three kinds."""
    return torch.softmax(weighted_evidence(losses, any_pose, shares, uses_any_pose), 1)


def weighted_evidence(
    losses: Tensor, any_pose: Tensor, shares: KindShares, uses_any_pose: bool
) -> Tensor:  # (batch, 3) nats
    """Log-likelihood of each kind plus the logarithm of its share; arguments as in kind_probabilities."""
    if not uses_any_pose:
        any_pose = torch.full_like(losses, -math.inf)
    evidence = -losses, torch.zeros_like(losses), any_pose.to(losses.dtype)
    of_kinds = [values + math.log(share) for values, share in zip(evidence, shares, strict=True)]
    return torch.stack(of_kinds, 1)


class AnyPose(NamedTuple):
    """Projections of a molecule in all poses."""

    mean: Tensor  # (box, box // 2 + 1) complex: half-spectrum of the mean projection
    power: Tensor  # (box, box // 2 + 1): mean squared distance from it, per pixel


@torch.no_grad()
def projections_in_any_pose(
    cloud: GaussianCloud,
    box_size: int,
    pixel_size_in_angstroms: float,
    projector: str = "auto",
) -> AnyPose:
    """Mean and radial power of projections with random poses, which are the same in every run."""
    device = cloud.positions.device
    poses = torch.from_numpy(Rotation.random(POSES, random_state=0).as_matrix()).float().to(device)
    parts = [
        torch.fft.rfft2(project_gaussians(cloud, some, box_size, pixel_size_in_angstroms, projector))
        for some in poses.split(IMAGES_AT_A_TIME)
    ]
    spectra = torch.cat(parts)
    rings = ring_indices(box_size, device)
    mean = _radial_mean(spectra.mean(0), rings)
    power = _radial_mean((spectra - mean).abs().square().mean(0) / box_size**2, rings)
    return AnyPose(mean, power)


@torch.no_grad()
def evidence_of_any_pose(
    batch: MatchedBatch, any_pose: AnyPose
) -> Tensor:  # (batch,) nats, relative to an empty image
    """The third kind's log-likelihood."""
    box_size = batch.images.shape[-1]
    mean, power = any_pose
    matched = torch.fft.rfft2(batch.images)
    explained = batch.filters * mean
    weights = half_spectrum_weights(box_size, power.device) / 2  # independent coefficients
    by_mean = ((2 * matched - explained) * mean.conj()).real / box_size**2
    widened = 1 + batch.filters * power
    around = (matched - explained).abs().square() / box_size**2 * power / widened - widened.log()
    return (weights * (by_mean + around)).sum((1, 2))


def _radial_mean(values: Tensor, rings: Tensor) -> Tensor:  # (box, box // 2 + 1) both
    """Every value replaced by the mean over its ring."""
    flat, n_rings = rings.flatten(), 2 * values.shape[0]
    sums = values.new_zeros(n_rings).index_add_(0, flat, values.flatten())
    counts = values.new_zeros(n_rings).index_add_(0, flat, torch.ones_like(values).flatten())
    return torch.where(counts == 0, counts, sums / counts)[rings]


class OutlierMixture:
    """The shares of the three kinds, and what each image says about the third."""

    def __init__(self) -> None:
        self.shares = KindShares()
        self.uses_any_pose = False  # until a pass has shown that most particles are clearly not of that kind
        self._any_pose: Tensor | None = None  # (n,); None: outliers are not looked for

    @property
    def is_on(self) -> bool:
        return self._any_pose is not None

    def look_for_outliers(
        self,
        consensus: GaussianCloud,
        observations: Observations,
        projector: str = "auto",
        workers: Workers = ALONE,
    ) -> None:
        """From now on; reads all images once, each process its part. The molecule in any pose is the consensus."""
        parts = consensus.positions, consensus.amplitudes, consensus.widths
        positions, amplitudes, widths = (values.to(observations.device) for values in parts)
        consensus = replace(consensus, positions=positions, amplitudes=amplitudes, widths=widths)
        any_pose = projections_in_any_pose(
            consensus, observations.box_size, observations.pixel_size_in_angstroms, projector
        )
        self._any_pose = torch.empty(len(observations), device=observations.device)
        own = workers.own_part(len(observations), IMAGES_AT_A_TIME)
        for part in row_chunks(own.stop - own.start, IMAGES_AT_A_TIME):
            rows = own.start + part
            for some in rows.split(observations.rows_for(IMAGES_AT_A_TIME)):
                batch = observations.batch(some)
                of_images = evidence_of_any_pose(batch, any_pose)
                self._any_pose[some[0] : some[-1] + 1] = sums_of_particles(of_images, batch.owners)
        workers.fill_from_parts_(self._any_pose, IMAGES_AT_A_TIME)

    def evidence_of(self, rows: Tensor) -> Tensor | None:  # (batch,)
        """Log-likelihood of the third kind of some particles; None where outliers are not looked for."""
        return None if self._any_pose is None else self._any_pose[send(rows, self._any_pose.device)]

    def probabilities(
        self,
        losses: Tensor,  # (batch,): minus the evidence bound of each image
        any_pose: Tensor | None,  # (batch,): evidence_of the same particles
    ) -> Tensor:  # (batch, N_KINDS)
        """Probability of each kind; all images are the molecule where outliers are not looked for."""
        if any_pose is None:
            return torch.eye(N_KINDS, device=losses.device)[0].expand(len(losses), N_KINDS)
        return kind_probabilities(losses, any_pose, self.shares, self.uses_any_pose)

    def evidence_bounds(
        self,
        losses: Tensor,  # (batch,): minus the evidence bound of each image as the molecule
        any_pose: Tensor | None,  # (batch,): evidence_of the same particles
    ) -> Tensor:  # (batch,) nats: the logarithm of the sum over the kinds
        """Evidence bound of each image, whatever it is."""
        if any_pose is None:
            return -losses
        return weighted_evidence(losses, any_pose, self.shares, self.uses_any_pose).logsumexp(1)

    def fraction_clear(self, losses: Tensor, any_pose: Tensor | None) -> Tensor:  # ()
        """Of the images, those that the model explains clearly better than the molecule in any pose does."""
        if any_pose is None:
            return torch.ones((), device=losses.device)
        return (-losses - any_pose > CLEARLY_IN_NATS).to(losses.dtype).mean()

    def of_model(self, rows: Tensor, losses: Tensor) -> Tensor:  # (batch,)
        """Probability that particles are the molecule as modelled."""
        return self.probabilities(losses, self.evidence_of(rows))[:, 0]

    def of_outlier(self, rows: Tensor, losses: Tensor) -> Tensor:  # (batch,)
        """Probability that they are not, to a precision of its own where it is small."""
        return self.probabilities(losses, self.evidence_of(rows))[:, 1:].sum(1).clamp_max(1)

    def update(
        self,
        counts: Tensor,  # (N_KINDS,): sums of probabilities
        fraction_clear: float,
    ) -> None:
        """The shares of largest likelihood for these probabilities, one step of expectation maximisation; whether the third kind counts."""
        if self.is_on:
            self.shares = KindShares.of_counts(counts)
            self.uses_any_pose = fraction_clear > 0.5

    def state(self) -> dict[str, Any]:
        return {"shares": tuple(self.shares), "uses_any_pose": self.uses_any_pose}

    def load_state(self, state: dict[str, Any]) -> None:
        self.shares, self.uses_any_pose = KindShares(*state["shares"]), state["uses_any_pose"]
