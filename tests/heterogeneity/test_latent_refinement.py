"""Gauss-Newton refinement of latents, on images whose latents are known."""

import torch
from known_latents import BOX, make_particles
from scipy.spatial.transform import Rotation

from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.heterogeneity.image_owners import ImageOwners, clouds_of_images
from gem_plugin.heterogeneity.latent_refinement import refine_latents
from gem_plugin.heterogeneity.observations import MatchedBatch


def test_latents_of_clean_images_are_found():
    model, batch, truth = make_particles()
    refined = refine_latents(model, batch, torch.zeros_like(truth), prior_weight=0.01, n_steps=6)
    errors = (refined.latents - truth)[:, :2].abs()
    assert errors.median() < 0.03
    assert (errors < 0.15).float().mean() > 0.9  # a motion along the line of sight cannot be seen


def test_no_particle_gets_worse_and_the_true_latents_hardly_move():
    model, batch, truth = make_particles(noise=1.0)
    refined = refine_latents(model, batch, truth, prior_weight=0.1)
    assert (refined.gains >= 0).all()
    assert (refined.latents - truth)[:, :2].abs().median() < 0.2


def test_a_dimension_without_effect_goes_to_the_prior_mean_with_its_standard_deviation():
    model, batch, truth = make_particles()
    start = truth.clone()
    start[:, 2] = 0.4
    refined = refine_latents(model, batch, start, prior_weight=1.0, n_steps=8)
    assert refined.latents[:, 2].abs().max() < 0.1
    assert (refined.standard_deviations[:, 2] > 3 * refined.standard_deviations[:, 0].median()).all()


def test_an_image_in_three_parts_says_what_it_says_as_one():
    """Images of a third of the weight each, which the particle owns, with one contrast for all."""
    model, batch, truth = make_particles(noise=1.0)
    owner = torch.arange(len(truth)).repeat_interleave(3)
    owned = MatchedBatch(
        batch.images[owner] / 3,
        batch.filters[owner] / 3,
        batch.rotation_matrices[owner],
        ImageOwners(owner, len(truth)),
    )
    whole, parts = (
        refine_latents(model, one, torch.zeros_like(truth), prior_weight=0.1, contrast_variance=0.04)
        for one in (batch, owned)
    )
    torch.testing.assert_close(parts.latents, whole.latents, atol=2e-3, rtol=0)
    torch.testing.assert_close(parts.standard_deviations, whole.standard_deviations, rtol=1e-2, atol=1e-4)
    torch.testing.assert_close(parts.gains, whole.gains, rtol=1e-3, atol=1e-2)


def test_several_views_of_a_particle_say_more_of_its_latent_than_one():
    model, batch, truth = make_particles(n=16, noise=1.0)
    views = torch.tensor(Rotation.random(16 * 4, random_state=5).as_matrix(), dtype=torch.float32)
    owner = torch.arange(16).repeat_interleave(4)
    with torch.no_grad():
        cloud = clouds_of_images(model.cloud_in_pixels(truth), ImageOwners(owner, 16))
        images = project_gaussians(cloud, views, BOX)
    images = images + torch.randn(images.shape, generator=torch.Generator().manual_seed(2))
    owned = MatchedBatch(images, batch.filters[owner], views, ImageOwners(owner, 16))
    few, many = (
        refine_latents(model, one, torch.zeros_like(truth), prior_weight=0.1, n_steps=6)
        for one in (batch, owned)
    )
    assert many.latents.shape == truth.shape
    assert (many.standard_deviations[:, :2].mean(0) < few.standard_deviations[:, :2].mean(0)).all()
    assert (many.latents - truth)[:, :2].abs().median() < 0.1
