"""Latents that describe the images are supported by held-out particles; latents that follow noise are not."""

import math

import pytest
import torch

from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.heterogeneity.decoders.base import CloudChange, Decoder
from gem_plugin.heterogeneity.encoder.anchor_scores import EncoderInputs
from gem_plugin.heterogeneity.encoder.network import LatentDistribution
from gem_plugin.heterogeneity.held_out_support import held_out_support
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.imaging.ctf import CtfParameters

N_PARTICLES, BOX, PIXEL_SIZE = 160, 16, 4.0
STANDARD_DEVIATION = 0.2  # of the posterior of each latent
CTF_VALUES = (15_000.0, 15_000.0, 0.0, 0.0, 0.0, 1.0, 300.0, 2.7, 0.1)


class AmplitudeDecoder(Decoder):
    """One Gaussian, whose logarithm of amplitude is the latent."""

    n_gaussians, latent_size = 1, 1

    def forward(self, latents: torch.Tensor) -> CloudChange:
        return CloudChange(torch.zeros(len(latents), 1, 3), latents, None)


class KnownLatents(torch.nn.Module):
    """An encoder that takes its inputs as the latents."""

    def forward(self, inputs: torch.Tensor) -> LatentDistribution:
        return LatentDistribution(inputs, torch.full_like(inputs, 2 * math.log(STANDARD_DEVIATION)))


def support_of(given: torch.Tensor, true: torch.Tensor, contrast: float, n_copies: int = 1):  # (n, 1) each
    """Support of latents that the encoder gives, for images with the true ones and noise of standard deviation 1."""
    generator = torch.Generator().manual_seed(0)
    cloud = GaussianCloud(torch.zeros(1, 3), torch.tensor([contrast]), torch.tensor([1.0]), LengthUnit.PIXEL)
    model = HeterogeneityModel(cloud, AmplitudeDecoder(), KnownLatents(), None, BOX, PIXEL_SIZE)
    observations = Observations(
        torch.zeros(N_PARTICLES, BOX, BOX).numpy(),
        torch.linalg.qr(torch.randn(N_PARTICLES, 3, 3, generator=generator)).Q,
        torch.zeros(N_PARTICLES, 2),
        CtfParameters(*(torch.full((N_PARTICLES,), value) for value in CTF_VALUES)),
        torch.ones(BOX // 2 + 1),
        PIXEL_SIZE,
    )
    observations.raw_images = make_images(model, observations, true, generator)
    views = torch.arange(N_PARTICLES).repeat_interleave(n_copies)
    observations = Observations(
        observations.raw_images[views.numpy()],
        observations.rotation_matrices[views],
        observations.shifts_in_pixels[views],
        observations.ctf.take(views),
        torch.ones(BOX // 2 + 1),
        PIXEL_SIZE,
        image_indices=views.numpy(),
    )
    rows, half = torch.arange(len(views)), 80 * n_copies
    inputs = EncoderInputs(given[views])
    return held_out_support(model, observations, inputs, rows[:half], rows[half:], generator)


def make_images(model, observations, latents, generator):
    from gem_plugin.gaussians.projection import project_gaussians

    with torch.no_grad():
        clouds = model.cloud_in_pixels(latents)
        clean = project_gaussians(clouds, observations.rotation_matrices, BOX)
    ctf = observations.ctf_half_spectra(torch.arange(N_PARTICLES))
    images = torch.fft.irfft2(torch.fft.rfft2(clean) * ctf, s=(BOX, BOX))
    return (images + torch.randn(images.shape, generator=generator)).numpy()


@pytest.fixture
def latents() -> torch.Tensor:
    return 2 * torch.rand(N_PARTICLES, 1, generator=torch.Generator().manual_seed(1)) - 1


def test_latents_that_describe_the_images_are_supported(latents):
    support = support_of(latents, latents, contrast=30.0)
    assert support.nats > 3 * support.standard_error > 0


def test_latents_of_particles_that_do_not_differ_cost_more_than_they_explain(latents):
    support = support_of(latents, torch.zeros_like(latents), contrast=30.0)
    assert support.nats < -3 * support.standard_error < 0


def test_latents_without_effect_cost_their_divergence(latents):
    support = support_of(latents, latents, contrast=1e-6)
    distribution = LatentDistribution(latents[80:], torch.full((80, 1), 2 * math.log(STANDARD_DEVIATION)))
    assert support.nats == pytest.approx(-float(distribution.kl_divergence().mean()), abs=1e-3)


def test_views_of_one_particle_count_as_one(latents):
    """Every image four times: the mean is that of the particles, and the error does not shrink by the copies."""
    plain = support_of(latents, latents, contrast=30.0)
    copied = support_of(latents, latents, contrast=30.0, n_copies=4)
    assert copied.nats == pytest.approx(plain.nats, abs=2 * plain.standard_error)
    assert 0.7 * plain.standard_error < copied.standard_error < 1.4 * plain.standard_error


def test_without_held_out_particles_nothing_is_measured(latents):
    model = HeterogeneityModel(
        GaussianCloud(torch.zeros(1, 3), torch.ones(1), torch.ones(1), LengthUnit.PIXEL),
        AmplitudeDecoder(), KnownLatents(), None, BOX, PIXEL_SIZE,
    )  # fmt: skip
    none, generator = torch.arange(0), torch.Generator().manual_seed(0)
    support = held_out_support(model, None, EncoderInputs(latents), torch.arange(9), none, generator)
    assert math.isnan(support.nats)
