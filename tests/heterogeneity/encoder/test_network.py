"""The latent distribution of an image against torch's own normal distributions."""

import pytest
import torch

from gem_plugin.heterogeneity.encoder.network import (
    LOG_VARIANCE_RANGE,
    ImageEncoder,
    LatentDistribution,
    is_bfloat16,
)


def test_kl_divergence_is_that_of_normal_distributions():
    generator = torch.Generator().manual_seed(0)
    means, log_variances = torch.randn(2, 5, 3, generator=generator)
    ours = LatentDistribution(means, log_variances).kl_divergence()
    normal = torch.distributions.Normal(means, (log_variances / 2).exp())
    prior = torch.distributions.Normal(torch.zeros(5, 3), torch.ones(5, 3))
    theirs = torch.distributions.kl_divergence(normal, prior).sum(1)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_samples_have_the_mean_and_the_spread():
    distribution = LatentDistribution(torch.full((20_000, 1), 2.0), torch.full((20_000, 1), -2.0))
    samples = distribution.sample(torch.randn(20_000, 1, generator=torch.Generator().manual_seed(1)))
    assert abs(float(samples.mean()) - 2.0) < 0.01
    assert abs(float(samples.std()) - float(torch.tensor(-1.0).exp())) < 0.01


def test_no_input_gives_a_variance_that_overflows():
    encoder = ImageEncoder(6, 2, 16, 2)
    distribution = encoder(1e6 * torch.randn(10, 6, generator=torch.Generator().manual_seed(0)))
    assert distribution.log_variances.min() >= LOG_VARIANCE_RANGE[0]
    assert distribution.log_variances.max() <= LOG_VARIANCE_RANGE[1]
    assert torch.isfinite(distribution.kl_divergence()).all()


def test_anchor_scores_keep_their_relative_sizes_when_inputs_are_standardised():
    sample = torch.randn(500, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [1.0, 3.0, 1e-4, 1e4]
    )
    encoder = ImageEncoder(4, 2, 8, 1)
    encoder.standardise_by(sample, n_anchors=2)
    scaled = (sample - encoder.input_mean) / encoder.input_scale
    assert abs(float(scaled[:, 1].std() / scaled[:, 0].std()) - 3.0) < 0.5
    assert torch.allclose(scaled[:, 2:].std(0), torch.ones(2), atol=0.02)


def test_bfloat16_changes_training_a_little_and_latents_not_at_all():
    torch.manual_seed(0)
    encoder, inputs = ImageEncoder(40, 3, 64, 2), torch.randn(50, 40)
    exact = LatentDistribution(*(values.detach() for values in encoder(inputs)))
    encoder.trains_in_bfloat16 = True
    short = encoder(inputs)
    assert short.means.dtype == torch.float32
    difference = float((short.means.detach() - exact.means).abs().max())
    assert 0 < difference < 0.02
    short.kl_divergence().mean().backward()
    assert all(parameter.grad.dtype == torch.float32 for parameter in encoder.parameters())
    encoder.eval()
    assert torch.equal(encoder(inputs).means, exact.means)


@pytest.mark.parametrize(
    ("precision", "device", "capability", "expected"),
    [
        ("auto", "cpu", None, False),
        ("auto", "cuda", (9, 0), True),
        ("auto", "cuda", (7, 5), False),
        ("float32", "cuda", (9, 0), False),
        ("bfloat16", "cpu", None, True),
    ],
)
def test_bfloat16_is_taken_where_the_device_has_it(precision, device, capability, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert is_bfloat16(precision, torch.device(device)) is expected


def test_a_single_particle_has_finite_latents():
    encoder = ImageEncoder(6, 2, 8, 1)
    inputs = torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    encoder.standardise_by(inputs, 4)
    assert torch.isfinite(encoder(inputs).means).all()
