"""Learned coordinates: views of one particle are on one side of every division, and the test error is honest."""

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.landscape.coordinate_regression import (
    RegressionSettings,
    regress_coordinates,
    rows_of_drawn_particles,
)

SMALL = RegressionSettings(n_layers=1, layer_size=64, n_epochs=300, rate=1e-2)
N_PARTICLES, N_VIEWS, N_AXES = 200, 5, 8


def test_drawn_rows_are_those_of_whole_particles() -> None:
    particles = np.random.default_rng(0).permutation(np.repeat(np.arange(50) + 7, 4))
    is_drawn = rows_of_drawn_particles(particles, 0.1, np.random.default_rng(1))
    assert len(np.unique(particles[is_drawn])) == 5
    assert not set(particles[is_drawn]) & set(particles[~is_drawn])


def test_a_smooth_map_is_learned() -> None:
    latents = np.random.default_rng(0).uniform(-2, 2, (800, 2))
    targets = np.stack([np.sin(latents[:, 0]) * 50, latents[:, 1] ** 2], axis=1)
    rows = np.arange(0, 800, 2)
    found = regress_coordinates(latents, rows, targets[rows], SMALL, seed=0)
    assert (found.test_error < 0.2).all()
    np.testing.assert_array_equal(found.coordinates[rows], targets[rows])
    others = np.arange(1, 800, 2)
    error = (found.coordinates[others] - targets[others]).std(axis=0) / targets.std(axis=0)
    assert (error < 0.2).all()


def test_what_only_views_of_one_particle_share_is_not_learned() -> None:
    """Latents name the particle, and coordinates are drawn at random for each: other views give them away."""
    generator = np.random.default_rng(2)
    particles = np.repeat(np.arange(N_PARTICLES), N_VIEWS)
    latents = generator.normal(size=(N_PARTICLES, N_AXES))[particles] + 0.01 * generator.normal(
        size=(len(particles), N_AXES)
    )
    targets = generator.normal(size=(N_PARTICLES, 1))[particles]
    rows = np.arange(len(particles))
    of_rows = regress_coordinates(latents, rows, targets, SMALL, 0)
    of_particles = regress_coordinates(latents, rows, targets, SMALL, 0, particle_indices=particles)
    assert of_rows.test_error[0] < 0.6
    assert of_particles.test_error[0] > 0.9


def test_too_few_particles_are_refused_with_the_number() -> None:
    latents = np.random.default_rng(3).normal(size=(40, 2))
    with pytest.raises(InputError, match="the maps of 2 different particles; expected at least 3"):
        regress_coordinates(latents, np.arange(40), latents, SMALL, 0, particle_indices=np.arange(40) // 20)
