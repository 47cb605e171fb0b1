"""Particles are drawn, not rows."""

import numpy as np

from gem_plugin.particles.views import one_view_each, particles_of

PARTICLES = np.array([0, 0, 1, 1, 2, 2])


def test_the_first_of_the_given_rows_stands_for_its_particle() -> None:
    assert one_view_each(np.array([5, 1, 4, 0, 2]), PARTICLES).tolist() == [5, 1, 2]
    rows = np.array([4, 2, 0])
    assert one_view_each(rows, PARTICLES) is rows


def test_particles_are_numbered_by_the_rows_asked_for() -> None:
    which, n_particles = particles_of(np.array([2, 3, 5]), PARTICLES)
    assert (which.tolist(), n_particles) == ([0, 0, 1], 2)
    which, n_particles = particles_of(np.arange(4), np.arange(4))
    assert (which.tolist(), n_particles) == ([0, 1, 2, 3], 4)
