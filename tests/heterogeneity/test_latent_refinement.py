"""Gauss-Newton refinement of latents, on images whose latents are known."""

import torch
from known_latents import make_particles

from gem_plugin.heterogeneity.latent_refinement import refine_latents


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
