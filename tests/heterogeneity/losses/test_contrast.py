"""Particles that differ in contrast: the loss of every contrast at once, its spread found, and latents free of it."""

import math

import pytest
import torch
from known_latents import BOX, make_particles

from gem_plugin.heterogeneity.latent_refinement import refine_latents
from gem_plugin.heterogeneity.losses.contrast import (
    MAXIMUM_VARIANCE,
    better_variance,
    contrast_scores,
    first_contrast_variance,
)
from gem_plugin.heterogeneity.losses.image import (
    ImageAgreement,
    error_of_agreement,
    image_agreement,
    squared_error,
)
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.imaging.ctf import CtfParameters


def agreements_of_noisy_images(spread: float, power: float = 200.0, n: int = 20_000) -> ImageAgreement:
    """Images of one molecule with noise of variance 1, whose contrasts have a spread."""
    generator = torch.Generator().manual_seed(2)
    powers = power * (0.5 + torch.rand(n, generator=generator))
    contrasts = 1 + spread * torch.randn(n, generator=generator)
    return ImageAgreement(powers, contrasts * powers + powers.sqrt() * torch.randn(n, generator=generator))


def best_variance(agreement: ImageAgreement, start: float = 0.0) -> float:
    variance = start
    for _ in range(20):
        variance = better_variance(variance, *contrast_scores(agreement, variance).mean(0).tolist())
    return variance


@pytest.mark.parametrize("variance", [0.01, 0.09, 0.25])
def test_the_error_is_the_integral_over_all_contrasts(variance: float) -> None:
    powers, agreements = torch.tensor([3.0, 30.0, 8.0]).double(), torch.tensor([4.0, 12.0, -2.0]).double()
    contrasts = torch.linspace(-9, 11, 200_001).double()[:, None]
    prior = torch.exp(-((contrasts - 1) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    likelihood = torch.exp(contrasts * agreements - contrasts**2 * powers / 2)
    integral = torch.trapezoid(prior * likelihood, contrasts[:, 0], dim=0)
    found = error_of_agreement(ImageAgreement(powers, agreements), variance)
    torch.testing.assert_close(found, -integral.log(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("variance", [0.0, 0.09])
def test_gradients_are_those_of_the_value(variance: float) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 6, 6, generator=generator).double().requires_grad_()
    matched = torch.randn(2, 6, 6, generator=generator).double()
    radial = torch.fft.rfft2(torch.randn(2, 6, 6, generator=generator).double()).abs()
    assert torch.autograd.gradcheck(
        lambda x: squared_error(x, matched, torch.ones_like(radial), variance), images
    )


def test_without_a_spread_the_error_is_the_plain_one() -> None:
    agreement = agreements_of_noisy_images(0.2, n=50)
    plain = 0.5 * agreement.powers - agreement.agreements
    assert torch.equal(error_of_agreement(agreement, 0.0), plain)
    torch.testing.assert_close(error_of_agreement(agreement, 1e-9), plain, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_the_spread_is_found(spread: float) -> None:
    assert math.sqrt(best_variance(agreements_of_noisy_images(spread))) == pytest.approx(spread, rel=0.03)
    assert math.sqrt(best_variance(agreements_of_noisy_images(spread), 0.25)) == pytest.approx(
        spread, rel=0.03
    )


def test_equal_contrasts_have_hardly_a_spread() -> None:
    assert math.sqrt(best_variance(agreements_of_noisy_images(0.0))) < 0.02
    assert best_variance(agreements_of_noisy_images(0.0, n=1)) <= MAXIMUM_VARIANCE


def test_images_that_do_not_fit_are_no_endless_spread() -> None:
    powers = torch.full((100,), 500.0)
    assert best_variance(ImageAgreement(powers, -powers)) == MAXIMUM_VARIANCE
    assert better_variance(0.04, 0.0, 0.0) == 0.04  # nothing was seen


def test_the_consensus_shows_the_spread_before_training() -> None:
    n, generator = 400, torch.Generator().manual_seed(1)
    model, batch, _ = make_particles(n)
    with torch.no_grad():
        still = model.consensus()
        from gem_plugin.gaussians.projection import project_gaussians

        images = project_gaussians(still, batch.rotation_matrices, BOX)
    values = (10_000.0, 10_000.0, 0.0, 90.0, 0.0, 1.0, 300.0, 0.0, 0.0)  # a phase plate: a CTF near 1
    ctf = CtfParameters(*(torch.full((n,), value) for value in values))
    observations = Observations(
        images.numpy(), batch.rotation_matrices, torch.zeros(n, 2), ctf, torch.ones(BOX // 2 + 1), 20.0
    )
    spectra = torch.fft.rfft2(images) * observations.ctf_half_spectra(torch.arange(n))
    clean = torch.fft.irfft2(spectra, s=(BOX, BOX))
    noise = torch.randn(clean.shape, generator=generator)
    for spread in (0.0, 0.25):
        contrasts = 1 + spread * torch.randn(n, 1, 1, generator=generator)
        observations.raw_images = (contrasts * clean + noise).numpy()
        found = first_contrast_variance(still, observations, torch.arange(n))
        assert math.sqrt(found) == pytest.approx(spread, abs=0.04)


def test_refined_latents_do_not_answer_for_the_contrast() -> None:
    """The second latent makes half of the molecule brighter, which a higher contrast does to a part of the images."""
    model, batch, truth = make_particles(n=64)
    brighter = batch._replace(images=1.4 * batch.images)
    blind, aware = (
        refine_latents(model, brighter, truth, 0.01, n_steps=6, contrast_variance=variance)
        for variance in (0.0, 0.09)
    )
    errors = [(refined.latents - truth)[:, 1].abs().median() for refined in (blind, aware)]
    assert errors[1] < 0.3 * errors[0]
    assert (aware.standard_deviations[:, 1] >= 0.99 * blind.standard_deviations[:, 1]).float().mean() > 0.9


def test_agreement_of_an_image_with_itself_is_its_power() -> None:
    _, batch, _ = make_particles(4)
    powers, agreements = image_agreement(batch.images, batch.images, batch.filters)
    torch.testing.assert_close(powers, agreements)
