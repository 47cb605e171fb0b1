"""Variances of planted effects come back; the evidence is that of the marginal distribution."""

import math

import pytest
import torch

from gem_plugin.heterogeneity.variance_components import evidence_of_variances, likeliest_variances

SIZES = 2, 1, 3
LIMITS = 10.0, 10.0, 10.0
N = 3000


def planted(standard_deviations, n=N, seed=0):
    generator = torch.Generator().manual_seed(seed)
    k = sum(SIZES)
    roots = 3 * (torch.eye(k) + 0.2 * torch.randn(n, k, k, generator=generator))
    curvatures = roots @ roots.transpose(1, 2)
    widths = torch.tensor([sd for sd, size in zip(standard_deviations, SIZES) for _ in range(size)])
    effects = widths * torch.randn(n, k, generator=generator)
    noise = (roots @ torch.randn(n, k, 1, generator=generator))[..., 0]
    return (curvatures @ effects[..., None])[..., 0] + noise, curvatures


@pytest.mark.parametrize("sds", [(0.5, 1.0, 0.2), (0.0, 0.3, 0.0), (1.0, 0.0, 0.0)])
def test_planted_widths_of_every_group_are_found(sds):
    found = likeliest_variances((0.0, 0.0, 0.0), SIZES, LIMITS, *planted(sds), torch.ones(N))
    for variance, sd in zip(found, sds, strict=True):
        assert math.sqrt(variance) == pytest.approx(sd, rel=0.06, abs=0.08)


def test_no_variance_is_larger_than_its_limit():
    found = likeliest_variances(
        (0.0, 0.0, 0.0), SIZES, (0.1, 10.0, 10.0), *planted((1.0, 0.0, 0.0)), torch.ones(N)
    )
    assert found[0] == pytest.approx(0.1)


def test_images_of_no_weight_say_nothing():
    information, curvatures = planted((0.3, 0.3, 0.3))
    weights = torch.ones(N)
    weights[::5] = 0
    expected = likeliest_variances((0.0, 0.0, 0.0), SIZES, LIMITS, information, curvatures, weights)
    information[::5] *= 50
    found = likeliest_variances((0.0, 0.0, 0.0), SIZES, LIMITS, information, curvatures, weights)
    assert found == pytest.approx(expected)


def test_the_evidence_is_the_ratio_of_the_marginal_distributions():
    information, curvatures = (values.double() for values in planted((0.3, 0.3, 0.3), n=20))
    variances = 0.2, 0.05, 0.4
    prior = torch.diag(torch.tensor([v for v, size in zip(variances, SIZES) for _ in range(size)])).double()
    zero = torch.zeros(20, sum(SIZES), dtype=torch.float64)
    with_effects = curvatures + curvatures @ prior @ curvatures
    normal = torch.distributions.MultivariateNormal
    one = normal(zero, (with_effects + with_effects.transpose(1, 2)) / 2).log_prob(information)
    other = normal(zero, curvatures).log_prob(information)
    torch.testing.assert_close(
        evidence_of_variances(variances, SIZES, information, curvatures), one - other, rtol=1e-6, atol=1e-6
    )
