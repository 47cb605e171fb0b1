"""Agreement of two models does not depend on the axes of their latents, and is low for unrelated ones."""

import numpy as np

from gem_plugin.heterogeneity.agreement import latent_agreement, map_agreement


def test_turned_and_bent_latents_agree():
    generator = np.random.default_rng(0)
    first = generator.standard_normal((4000, 2))
    second = np.stack([first[:, 0] + 0.3 * first[:, 1] ** 2, first[:, 1] - first[:, 0]], axis=1)
    agreement = latent_agreement(first, second, generator)
    assert min(agreement) > 0.9


def test_unrelated_latents_do_not_agree():
    generator = np.random.default_rng(0)
    first, second = generator.standard_normal((2, 2000, 3))
    assert max(latent_agreement(first, second, generator)) < 0.05


def test_copies_of_a_particle_do_not_predict_each_other():
    """Latents that are one number of the particle's image in each model, and nothing else: rows of one particle would tell."""
    generator = np.random.default_rng(0)
    particles = np.repeat(np.arange(300), 60)
    first, second = generator.standard_normal((2, 300, 3))[:, particles]
    first, second = (values + 0.01 * generator.standard_normal(values.shape) for values in (first, second))
    assert min(latent_agreement(first, second, np.random.default_rng(1))) > 0.9
    assert max(latent_agreement(first, second, np.random.default_rng(1), particles)) < 0.1


def test_equal_maps_correlate_fully_and_noise_does_not():
    maps = np.random.default_rng(0).standard_normal((3, 16, 16, 16)).astype(np.float32)
    assert np.allclose(map_agreement(maps, maps), 1)
    assert (
        np.abs(map_agreement(maps, maps[::-1].copy())[3:]).mean() < 0.45
    )  # one of three pairs is the same map
