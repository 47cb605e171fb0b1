"""Poses of the particles, refined around those of the consensus refinement: three angles and two shifts a particle.

A pose differs from the given one by a small rotation omega of the molecule and a shift t of the image. Its five numbers have a
normal prior of mean 0; the two variances (angle, shift) are those of largest likelihood, so that poses that are right stay
where they are. (Particles of tilt series have six numbers, with a shift in three dimensions: k is 5 or 6 here.) Gauss-Newton: the model image P and its depth-weighted companion Q = sum_i a_i z_i G(p - u_i), with u_i and z_i
the image coordinates and the depth of Gaussian i, give all five derivatives:
    dP/dt = -grad P,   dP/d(omega_x) = dQ/dy,   dP/d(omega_y) = -dQ/dx,   dP/d(omega_z) = y dP/dx - x dP/dy .
"""

import math
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import batch_in_pixels, project_gaussians
from gem_plugin.heterogeneity.image_owners import sums_of_particles
from gem_plugin.heterogeneity.losses.image import ImageAgreement, error_of_agreement
from gem_plugin.heterogeneity.observations import MatchedBatch
from gem_plugin.heterogeneity.variance_components import evidence_of_variances, likeliest_variances
from gem_plugin.imaging.fourier import half_spectrum_weights

N_ANGLES, N_NUMBERS = 3, 5
MAXIMUM_ANGLE_STEP_IN_RADIANS = math.radians(6.0)  # of one step of Gauss-Newton
MAXIMUM_SHIFT_STEP_IN_PIXELS = 1.0
MAXIMUM_ANGLE_VARIANCE = math.radians(12.0) ** 2
MAXIMUM_SHIFT_VARIANCE_IN_PIXELS = 9.0


class PosePrior(NamedTuple):
    """Variances of the error of the given poses; 0 where they are right."""

    angle: float = 0.0  # radians squared, about each axis
    shift: float = 0.0  # pixels squared, along each axis

    @property
    def is_zero(self) -> bool:
        return self.angle == 0 and self.shift == 0

    @property
    def is_at_limit(self) -> bool:
        """Whether errors would have to be larger than is believed, and too large for what is linear here."""
        return self.angle >= MAXIMUM_ANGLE_VARIANCE or self.shift >= MAXIMUM_SHIFT_VARIANCE_IN_PIXELS

    def variances(self, like: Tensor) -> Tensor:  # (..., k) -> (k,)
        return like.new_tensor([self.angle] * N_ANGLES + [self.shift] * (like.shape[-1] - N_ANGLES))


class PoseTerms(NamedTuple):
    """What an image says about its pose: to second order, minus its log-likelihood.

    Particles that own several images have six numbers, those of tilt_series_poses.py, and the sums over their images.
    """

    losses: Tensor  # (batch,)
    gradients: (
        Tensor  # (batch, 5): of omega_x, omega_y, omega_z (radians, axes of the image), t_x, t_y (pixels)
    )
    curvatures: Tensor  # (batch, 5, 5): Gauss-Newton, positive semidefinite


@torch.no_grad()
def pose_terms(
    cloud: GaussianCloud,  # one cloud, or one per image
    batch: MatchedBatch,
    projector: str = "auto",
    contrast_variance: float = 0.0,
) -> PoseTerms:
    """Loss, gradient and curvature at the pose that the batch has. The contrast of each particle is integrated out."""
    return terms_of_spectra(pose_spectra(cloud, batch, projector), batch, contrast_variance)


def terms_of_spectra(
    spectra: Tensor,  # (batch, k + 1, box, box // 2 + 1): derivatives of the model image, and the image itself
    batch: MatchedBatch,
    contrast_variance: float,
    jacobians: Tensor
    | None = None,  # (batch, k, K): of these numbers by those of the particle that owns the image
) -> PoseTerms:
    """The same for any k numbers that the model image depends on.

    With jacobians for the K numbers of each particle: the products of its images are summed as J^T (...) J, and then the one contrast
    that all of them share is integrated out.
    """
    box_size = batch.images.shape[-1]
    n_numbers = spectra.shape[1] - 1
    weights = half_spectrum_weights(box_size, spectra.device) / box_size**2  # Parseval
    filtered = spectra * (batch.filters * weights)[:, None]
    matched = torch.fft.rfft2(batch.images) * weights
    products = _real_products(filtered, spectra)  # (batch, k + 1, k + 1)
    towards_image = _real_products(spectra, matched[:, None])[..., 0]  # (batch, k + 1)
    if jacobians is not None:
        products, towards_image = _sums_by_particle(products, towards_image, jacobians, batch)
        n_numbers = jacobians.shape[2]
    like_contrast, powers = products[:, :n_numbers, n_numbers], products[:, n_numbers, n_numbers]
    towards_image, agreements = towards_image[:, :n_numbers], towards_image[:, n_numbers]
    agreement = ImageAgreement(powers, agreements)
    widened = 1 + contrast_variance * powers
    contrast = (1 + contrast_variance * agreements) / widened  # most likely
    uncertainty = contrast_variance / widened  # its variance
    gradients = (contrast**2 + uncertainty)[:, None] * like_contrast - contrast[:, None] * towards_image
    curvatures = products[:, :n_numbers, :n_numbers]
    explained = uncertainty[:, None, None] * like_contrast[:, :, None] * like_contrast[:, None, :]
    curvatures = (contrast**2)[:, None, None] * (curvatures - explained)
    return PoseTerms(
        error_of_agreement(agreement, contrast_variance),
        gradients,
        (curvatures + curvatures.transpose(1, 2)) / 2,
    )


def _sums_by_particle(
    products: Tensor,  # (images, k + 1, k + 1): the last row and column are of the image itself
    towards_image: Tensor,  # (images, k + 1)
    jacobians: Tensor,  # (images, k, K)
    batch: MatchedBatch,
) -> tuple[Tensor, Tensor]:  # (particles, K + 1, K + 1), (particles, K + 1)
    n_images, n_numbers, n_own = jacobians.shape
    whole = jacobians.new_zeros(n_images, n_numbers + 1, n_own + 1)
    whole[:, :n_numbers, :n_own], whole[:, n_numbers, n_own] = jacobians, 1
    transposed = whole.transpose(1, 2)
    return (
        sums_of_particles(transposed @ products @ whole, batch.owners),
        sums_of_particles((transposed @ towards_image[..., None])[..., 0], batch.owners),
    )


def pose_spectra(
    cloud: GaussianCloud, batch: MatchedBatch, projector: str = "auto"
) -> Tensor:  # (batch, 6, box, box // 2 + 1)
    """Half-spectra of the five derivatives of the model images, and of the images themselves."""
    box_size = batch.images.shape[-1]
    positions, amplitudes, widths = batch_in_pixels(cloud, len(batch.images), None)
    depths = torch.einsum("bij,bnj->bni", batch.rotation_matrices[:, 2:], positions)[..., 0]
    of_cloud = replace(cloud, positions=positions, amplitudes=amplitudes, widths=widths)
    weighted = replace(of_cloud, amplitudes=amplitudes * depths)
    image = project_gaussians(of_cloud, batch.rotation_matrices, box_size, projector=projector)
    companion = project_gaussians(weighted, batch.rotation_matrices, box_size, projector=projector)
    return _spectra(image, companion)


def frequencies(box_size: int, device: torch.device) -> tuple[Tensor, Tensor]:  # (box // 2 + 1,), (box, 1)
    """i k along x and y, by which a half-spectrum is multiplied to differentiate its image."""
    kx = 2 * torch.pi * torch.fft.rfftfreq(box_size, device=device)
    ky = 2 * torch.pi * torch.fft.fftfreq(box_size, device=device)[:, None]
    kx, ky = (1j * torch.where(k.abs() < torch.pi, k, 0) for k in (kx, ky))  # no sign at Nyquist
    return kx, ky


def pose_steps(
    terms: PoseTerms,
    offsets: Tensor,  # (batch, k): where the poses are, from the given ones
    prior: PosePrior,
) -> Tensor:  # (batch, k)
    """Gauss-Newton under the prior, no longer than is believed: s = -(H + V^-1)^-1 (g + V^-1 d)."""
    variances = prior.variances(offsets)
    curvatures, gradients = terms.curvatures.to(offsets.dtype), terms.gradients.to(offsets.dtype)
    identity = torch.eye(offsets.shape[1], dtype=offsets.dtype, device=offsets.device)
    # multiplied by V from the left, so that a variance may be 0: (V H + 1) s = -(V g + d)
    system = variances[:, None] * curvatures + identity
    steps = -torch.linalg.solve(system, (variances * gradients + offsets)[..., None])[..., 0]
    return _limited(steps)


def better_prior(
    prior: PosePrior,
    information: Tensor,  # (n, k): H d - g, the gradient that the likelihood has at the given pose
    curvatures: Tensor,  # (n, k, k)
    weights: Tensor,  # (n,): probability that a particle is what the model says
) -> PosePrior:
    """The two variances of largest marginal likelihood, by Fisher scoring from those given."""
    limits = MAXIMUM_ANGLE_VARIANCE, MAXIMUM_SHIFT_VARIANCE_IN_PIXELS
    return PosePrior(
        *likeliest_variances(prior, _groups(information), limits, information, curvatures, weights)
    )


def evidence_of_prior(
    prior: PosePrior,
    information: Tensor,  # (n, k)
    curvatures: Tensor,  # (n, k, k)
) -> Tensor:  # (n,) nats: how much more likely an image is under the prior than with its given pose
    """1/2 b (H + V^-1)^-1 b - 1/2 log |1 + H V|."""
    return evidence_of_variances(prior, _groups(information), information, curvatures)


def _groups(information: Tensor) -> tuple[int, int]:  # (n, k): how many numbers share each variance
    return N_ANGLES, information.shape[1] - N_ANGLES


def cost_of_offsets(
    offsets: Tensor,  # (batch, k)
    curvatures: Tensor,  # (batch, k, k)
    prior: PosePrior,
) -> Tensor:  # (batch,) nats
    """What a pose of its own costs an image in its evidence bound: 1/2 d V^-1 d + 1/2 log |1 + H V|."""
    variances = prior.variances(offsets)
    from_prior = torch.where(variances > 0, offsets**2 / variances.clamp_min(1e-30), 0.0).sum(1)
    identity = torch.eye(offsets.shape[1], dtype=offsets.dtype, device=offsets.device)
    return 0.5 * from_prior + 0.5 * torch.linalg.slogdet(identity + curvatures * variances).logabsdet


def _limited(steps: Tensor) -> Tensor:
    angles, shifts = steps[:, :N_ANGLES], steps[:, N_ANGLES:]
    lengths = (
        (angles, MAXIMUM_ANGLE_STEP_IN_RADIANS),
        (shifts, MAXIMUM_SHIFT_STEP_IN_PIXELS),
    )
    return torch.cat(
        [part * (limit / part.norm(dim=1, keepdim=True).clamp_min(limit)) for part, limit in lengths], 1
    )


def _spectra(image: Tensor, companion: Tensor) -> Tensor:  # (batch, 6, box, box // 2 + 1)
    """Half-spectra of the five derivatives, and of the image itself."""
    box_size = image.shape[-1]
    kx, ky = frequencies(box_size, image.device)
    both = torch.fft.rfft2(torch.stack([image, companion]))
    spectra = both.new_empty(len(image), N_NUMBERS + 1, *both.shape[-2:])
    dx, dy = torch.fft.irfft2(torch.stack([both[0] * kx, both[0] * ky]), s=image.shape[-2:])
    coordinates = torch.arange(box_size, device=image.device, dtype=image.dtype) - box_size // 2
    torch.mul(both[1], ky, out=spectra[:, 0])
    torch.mul(both[1], -kx, out=spectra[:, 1])
    spectra[:, 2] = torch.fft.rfft2(coordinates[:, None] * dx - coordinates * dy)
    torch.mul(both[0], -kx, out=spectra[:, 3])
    torch.mul(both[0], -ky, out=spectra[:, 4])
    spectra[:, 5] = both[0]
    return spectra


def _real_products(
    first: Tensor, second: Tensor
) -> Tensor:  # (batch, k, ...), (batch, l, ...) -> (batch, k, l)
    """Real parts of the inner products of complex arrays."""
    one, other = (torch.view_as_real(values).flatten(2) for values in (first, second))
    return one @ other.transpose(1, 2)
