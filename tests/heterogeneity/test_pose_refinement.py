"""What an image says about its pose, against finite differences of the plain reference; and the prior, against planted errors."""

import math

import pytest
import torch

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.projection_reference import project_reference
from gem_plugin.heterogeneity.losses.image import squared_error
from gem_plugin.heterogeneity.observations import MatchedBatch
from gem_plugin.heterogeneity.pose_refinement import (
    MAXIMUM_SHIFT_STEP_IN_PIXELS,
    PosePrior,
    PoseTerms,
    better_prior,
    cost_of_offsets,
    evidence_of_prior,
    pose_steps,
    pose_terms,
)

BATCH, BOX, N = 3, 32, 40


def cross(vectors):  # (batch, 3) -> (batch, 3, 3)
    x, y, z = vectors.unbind(1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).view(-1, 3, 3)


def moved_images(cloud, views, offsets):
    """Plain reference: rotate about the axes of the image, then shift."""
    rotations = torch.linalg.matrix_exp(cross(offsets[:, :3])) @ views.double()
    points = torch.einsum("bij,nj->bni", rotations, cloud.positions.double())
    points = torch.cat([points[..., :2] + offsets[:, None, 3:], points[..., 2:]], 2)
    identity = torch.eye(3, dtype=torch.float64).expand(len(views), 3, 3)
    amplitudes = cloud.amplitudes.double().expand(len(views), -1)
    return project_reference(points, amplitudes, cloud.widths.double()[None], identity, BOX)


@pytest.fixture
def parts():
    generator = torch.Generator().manual_seed(1)
    cloud = GaussianCloud(
        4 * torch.randn(N, 3, generator=generator),
        torch.rand(N, generator=generator) + 0.5,
        torch.full((N,), 1.3),
        LengthUnit.PIXEL,
    )
    views = torch.linalg.qr(torch.randn(BATCH, 3, 3, generator=generator)).Q
    views = views * torch.det(views)[:, None, None].sign()
    kernels = torch.fft.irfft2(torch.rand(BATCH, BOX, BOX // 2 + 1, generator=generator) + 0j, s=(BOX, BOX))
    filters = torch.fft.rfft2(kernels).real.abs()
    return cloud, views, filters, torch.randn(BATCH, BOX, BOX, generator=generator)


def slopes_of(function, n=5, step=1e-4):
    steps = step * torch.eye(n, dtype=torch.float64)
    zeros = torch.zeros(BATCH, n, dtype=torch.float64)
    return torch.stack([(function(zeros + one) - function(zeros - one)) / (2 * step) for one in steps], 1)


@pytest.mark.parametrize("contrast_variance", [0.0, 0.04])
def test_the_gradient_is_that_of_the_reference(parts, contrast_variance):
    cloud, views, filters, images = parts
    terms = pose_terms(cloud, MatchedBatch(images, filters, views), contrast_variance=contrast_variance)

    def loss(offsets):
        moved = moved_images(cloud, views, offsets)
        return squared_error(moved, images.double(), filters.double(), contrast_variance)

    expected = slopes_of(loss).float()
    torch.testing.assert_close(terms.gradients, expected, atol=0.02, rtol=0.01)
    torch.testing.assert_close(
        terms.losses, loss(torch.zeros(BATCH, 5).double()).float(), atol=0.02, rtol=1e-3
    )


def test_the_curvature_is_that_of_gauss_and_newton(parts):
    cloud, views, filters, images = parts
    terms = pose_terms(cloud, MatchedBatch(images, filters, views))
    slopes = slopes_of(lambda offsets: moved_images(cloud, views, offsets))  # (batch, 5, box, box)
    filtered = torch.fft.irfft2(torch.fft.rfft2(slopes) * filters.double()[:, None], s=(BOX, BOX))
    expected = torch.einsum("bkyx,blyx->bkl", slopes, filtered).float()
    torch.testing.assert_close(terms.curvatures, expected, rtol=0.02, atol=0.02 * float(expected.abs().max()))


def test_steps_find_the_pose_of_an_image_without_noise(parts):
    cloud, views, filters, _ = parts
    planted = torch.tensor([[0.03, -0.05, 0.04, 0.3, -0.4]] * BATCH)
    clean = moved_images(cloud, views, planted.double()).float()
    matched = torch.fft.irfft2(torch.fft.rfft2(clean) * filters, s=(BOX, BOX))
    found, prior = torch.zeros(BATCH, 5), PosePrior(1e2, 1e4)
    for _ in range(8):
        moved = torch.linalg.matrix_exp(cross(found[:, :3])) @ views
        shifted = cloud.positions + (moved.transpose(1, 2)[:, :, :2] @ found[:, 3:, None])[..., 0][:, None]
        here = GaussianCloud(shifted, cloud.amplitudes.expand(BATCH, -1), cloud.widths, LengthUnit.PIXEL)
        steps = pose_steps(pose_terms(here, MatchedBatch(matched, filters, moved)), found, prior)
        found = found + steps
    torch.testing.assert_close(found, planted, atol=0.01, rtol=0)


def test_a_prior_of_zero_width_keeps_poses_and_brings_moved_ones_back(parts):
    cloud, views, filters, images = parts
    terms = pose_terms(cloud, MatchedBatch(images, filters, views))
    steps = pose_steps(terms, torch.zeros(BATCH, 5), PosePrior())
    assert not steps.any()
    offsets = torch.full((BATCH, 5), 0.01)
    assert torch.allclose(pose_steps(terms, offsets, PosePrior()), -offsets)


def test_no_step_is_longer_than_is_believed():
    terms = PoseTerms(torch.zeros(1), torch.full((1, 5), 1e4), torch.eye(5)[None])
    steps = pose_steps(terms, torch.zeros(1, 5), PosePrior(10.0, 1e4))
    assert float(steps[0, 3:].norm()) == pytest.approx(MAXIMUM_SHIFT_STEP_IN_PIXELS)


def planted_terms(angle_sd, shift_sd, n=4000, seed=0):
    """b = H delta + noise of covariance H, what a linear model with errors of these widths gives."""
    generator = torch.Generator().manual_seed(seed)
    scales = torch.tensor([40.0, 40.0, 45.0, 2.0, 2.0])
    roots = torch.randn(n, 5, 5, generator=generator) * 0.2 + torch.eye(5)
    roots = roots * scales[:, None]
    curvatures = roots @ roots.transpose(1, 2)
    offsets = torch.randn(n, 5, generator=generator) * torch.tensor([angle_sd] * 3 + [shift_sd] * 2)
    noise = (roots @ torch.randn(n, 5, 1, generator=generator))[..., 0]
    return (curvatures @ offsets[..., None])[..., 0] + noise, curvatures, offsets


@pytest.mark.parametrize(("angle_sd", "shift_sd"), [(0.05, 0.4), (0.02, 0.0), (0.0, 1.0)])
def test_the_prior_of_largest_likelihood_has_the_planted_widths(angle_sd, shift_sd):
    information, curvatures, _ = planted_terms(angle_sd, shift_sd)
    prior = better_prior(PosePrior(), information, curvatures, torch.ones(len(information)))
    assert math.sqrt(prior.angle) == pytest.approx(angle_sd, rel=0.06, abs=0.006)
    assert math.sqrt(prior.shift) == pytest.approx(shift_sd, rel=0.06, abs=0.12)
    assert float(evidence_of_prior(prior, information, curvatures).mean()) > 0.3


def test_right_poses_have_a_prior_of_almost_no_width_and_no_evidence():
    information, curvatures, _ = planted_terms(0.0, 0.0)
    prior = better_prior(PosePrior(0.01, 1.0), information, curvatures, torch.ones(len(information)))
    assert math.sqrt(prior.angle) < 0.006
    assert float(evidence_of_prior(prior, information, curvatures).mean()) < 0.01


def test_the_cost_of_a_pose_makes_its_likelihood_the_marginal_one():
    information, curvatures, _ = planted_terms(0.02, 0.2, n=50)
    prior = PosePrior(0.02**2, 0.2**2)
    terms = PoseTerms(torch.zeros(50), -information, curvatures)
    system = torch.eye(5) + curvatures * prior.variances(information)
    offsets = prior.variances(information) * torch.linalg.solve(system, information[..., None])[..., 0]
    gained = (information * offsets).sum(1) - 0.5 * torch.einsum("nk,nkl,nl->n", offsets, curvatures, offsets)
    expected = evidence_of_prior(prior, information, curvatures).float()
    torch.testing.assert_close(
        gained - cost_of_offsets(offsets, curvatures, prior), expected, rtol=1e-3, atol=1e-3
    )
    torch.testing.assert_close(
        pose_steps(terms, torch.zeros(50, 5), prior)[:, :3], offsets[:, :3], rtol=1e-3, atol=1e-5
    )
    assert not cost_of_offsets(torch.zeros(50, 5), curvatures, PosePrior()).any()


def test_outliers_do_not_widen_the_prior():
    information, curvatures, _ = planted_terms(0.02, 0.2)
    information[::10] *= 30
    weights = torch.ones(len(information))
    weights[::10] = 0
    prior = better_prior(PosePrior(), information, curvatures, weights)
    assert math.sqrt(prior.angle) == pytest.approx(0.02, rel=0.15)
