"""Outliers: the likelihoods against plain sums over Fourier coefficients, the shares, and planted junk."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.metrics import roc_auc_score

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.losses.image import squared_error
from gem_plugin.heterogeneity.observations import MatchedBatch, Observations
from gem_plugin.heterogeneity.outliers import (
    MINIMUM_SHARE,
    AnyPose,
    KindShares,
    OutlierMixture,
    evidence_of_any_pose,
    kind_probabilities,
    projections_in_any_pose,
)
from gem_plugin.imaging.ctf import CtfParameters
from gem_plugin.imaging.fourier import ring_indices

BOX, PIXEL_SIZE, N_GAUSSIANS = 8, 3.0, 40


def test_the_evidence_of_any_pose_is_a_ratio_of_two_normal_densities():
    generator = torch.Generator().manual_seed(0)
    rings = ring_indices(BOX).clamp_max(BOX // 2)
    power = torch.rand(BOX // 2 + 1, generator=generator)[rings]
    mean = (BOX * torch.rand(BOX // 2 + 1, generator=generator)[rings]).to(torch.complex64)
    transfer = (0.5 + torch.rand(BOX // 2 + 1, generator=generator))[rings]
    image = torch.randn(1, BOX, BOX, generator=generator)
    matched = torch.fft.irfft2(torch.fft.rfft2(image) * transfer, s=(BOX, BOX))
    batch = MatchedBatch(matched, transfer[None] ** 2, torch.eye(3)[None])
    found = evidence_of_any_pose(batch, AnyPose(mean, power))
    row = torch.fft.irfft2((power * transfer**2).to(torch.complex64), s=(BOX, BOX)).numpy()
    y, x = np.divmod(np.arange(BOX**2), BOX)
    covariance = row[(y[:, None] - y) % BOX, (x[:, None] - x) % BOX]  # of pixels, by their distance
    centre = torch.fft.irfft2(mean * transfer, s=(BOX, BOX)).numpy().ravel()
    pixels, noise = image.numpy().ravel(), np.eye(BOX**2)
    expected = multivariate_normal.logpdf(pixels, centre, covariance + noise) - multivariate_normal.logpdf(
        pixels, cov=noise
    )
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_probabilities_are_those_of_bayes():
    shares = KindShares(0.7, 0.2, 0.1)
    found = kind_probabilities(torch.tensor([-3.0]), torch.tensor([1.0]), shares)
    terms = np.array([0.7 * np.exp(3.0), 0.2, 0.1 * np.exp(1.0)])
    np.testing.assert_allclose(found[0].numpy(), terms / terms.sum(), rtol=1e-6)


def test_no_kind_is_lost_for_good():
    shares = KindShares.of_counts(torch.tensor([100.0, 0.0, 0.0]))
    assert min(shares) == pytest.approx(MINIMUM_SHARE, rel=1e-3)
    assert sum(shares) == pytest.approx(1)


def test_without_looking_all_particles_are_the_molecule():
    mixture = OutlierMixture()
    assert mixture.evidence_of(torch.arange(3)) is None
    assert torch.equal(mixture.of_model(torch.arange(3), torch.tensor([-5.0, 0.0, 50.0])), torch.ones(3))
    mixture.update(torch.tensor([0.0, 1.0, 0.0]), 1.0)
    assert mixture.shares == KindShares()


def test_no_sum_of_probabilities_is_above_one():
    mixture = OutlierMixture()
    mixture._any_pose, mixture.uses_any_pose = torch.linspace(-3, 3, 5000), True
    outlier = mixture.of_outlier(torch.arange(5000), torch.linspace(10, 200, 5000))
    assert float(outlier.max()) <= 1


@pytest.fixture(scope="module")
def junk_set():
    """Images of one molecule; every fifth is noise, every fifth a molecule in another pose."""
    generator = torch.Generator().manual_seed(3)
    n, box = 200, 40
    cloud = GaussianCloud(
        torch.randn(N_GAUSSIANS, 3, generator=generator) * torch.tensor([6.0, 3.0, 1.0]),
        torch.rand(N_GAUSSIANS, generator=generator) + 0.5,
        torch.full((N_GAUSSIANS,), 1.0),
        LengthUnit.PIXEL,
    )
    views = torch.linalg.qr(torch.randn(n, 3, 3, generator=generator)).Q
    views = views * torch.det(views)[:, None, None].sign()
    kinds = torch.zeros(n, dtype=torch.long)
    kinds[::5], kinds[1::5] = 1, 2
    true_views = torch.where((kinds == 2)[:, None, None], views.roll(7, 0), views)
    images = project_gaussians(cloud, true_views, box) * (kinds != 1)[:, None, None]
    values = (15_000.0, 14_000.0, 20.0, 0.0, 0.0, 1.0, 300.0, 2.7, 0.1)
    parameters = CtfParameters(*(torch.full((n,), value) for value in values))
    plain = Observations(
        images.numpy(), views, torch.zeros(n, 2), parameters, torch.ones(box // 2 + 1), PIXEL_SIZE
    )
    transfer = plain.ctf_half_spectra(torch.arange(n))
    filtered = torch.fft.irfft2(torch.fft.rfft2(images) * transfer, s=(box, box))
    noisy = (10 * filtered + torch.randn(n, box, box, generator=generator)).numpy()
    observations = Observations(
        noisy, views, torch.zeros(n, 2), parameters, torch.ones(box // 2 + 1), PIXEL_SIZE
    )
    scaled = GaussianCloud(cloud.positions, 10 * cloud.amplitudes, cloud.widths, LengthUnit.PIXEL)
    return scaled, observations, kinds


def test_planted_junk_has_a_high_probability_and_molecules_a_low_one(junk_set):
    cloud, observations, kinds = junk_set
    rows = torch.arange(len(observations))
    mixture = OutlierMixture()
    mixture.look_for_outliers(cloud, observations)
    batch = observations.batch(rows)
    images = project_gaussians(cloud, batch.rotation_matrices, observations.box_size)
    losses = squared_error(images, batch.images, batch.filters)
    for _ in range(3):
        evidence = mixture.evidence_of(rows)
        found = mixture.probabilities(losses, evidence)
        mixture.update(found.sum(0), float(mixture.fraction_clear(losses, evidence)))
    assert mixture.uses_any_pose
    outlier = mixture.of_outlier(rows, losses)
    assert float(outlier[kinds == 0].max()) < 0.5
    assert float(outlier[kinds == 1].min()) > 0.99
    assert (
        float((outlier[kinds == 2] > 0.5).float().mean()) > 0.65
    )  # in the others the wrong pose looks like the right one
    assert roc_auc_score(kinds > 0, outlier) > 0.98
    torch.testing.assert_close(mixture.of_model(rows, losses) + outlier, torch.ones(len(rows)))
    assert mixture.shares.noise == pytest.approx(0.2, abs=0.03)


def test_the_mean_of_all_projections_is_round_and_the_power_around_it_is_theirs(junk_set):
    cloud, observations, _ = junk_set
    box = observations.box_size
    mean, power = projections_in_any_pose(cloud, box, PIXEL_SIZE)
    rings = ring_indices(box)
    assert float(mean[rings == 3].real.std()) < 1e-4 * float(mean[rings == 3].real.abs().mean())
    generator = torch.Generator().manual_seed(9)
    views = torch.linalg.qr(torch.randn(400, 3, 3, generator=generator)).Q
    views = views * torch.det(views)[:, None, None].sign()
    spectra = torch.fft.rfft2(project_gaussians(cloud, views, box))
    others = ((spectra - mean).abs().square().mean(0) / box**2)[rings == 3].mean()
    assert float(power[rings == 3].mean()) == pytest.approx(float(others), rel=0.15)


def test_a_round_molecule_has_no_outliers_of_the_third_kind():
    """Its poses make no difference, so that any pose explains a good image as well as the right one."""
    mixture, rows = OutlierMixture(), torch.arange(1000)
    losses = -40 + 3 * torch.randn(1000, generator=torch.Generator().manual_seed(0))
    mixture._any_pose = -losses + torch.randn(1000, generator=torch.Generator().manual_seed(1))
    for _ in range(20):
        evidence = mixture.evidence_of(rows)
        found = mixture.probabilities(losses, evidence)
        mixture.update(found.sum(0), float(mixture.fraction_clear(losses, evidence)))
    assert not mixture.uses_any_pose
    assert float(mixture.of_outlier(rows, losses).max()) < 0.01


def test_the_state_keeps_shares_and_the_use_of_the_third_kind():
    mixture, other = OutlierMixture(), OutlierMixture()
    mixture._any_pose = torch.zeros(3)
    mixture.update(torch.tensor([8.0, 1.0, 1.0]), 0.9)
    other.load_state(mixture.state())
    assert (other.shares, other.uses_any_pose) == (mixture.shares, True)
