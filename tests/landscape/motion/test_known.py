"""Measuring how well latents tell a known motion."""

import numpy as np

from gem_plugin.landscape.motion.known import (
    angle_difference_in_degrees,
    mean_angle_in_degrees,
    recover_motion,
)


def test_latents_on_a_ring_tell_the_angle() -> None:
    generator = np.random.default_rng(0)
    angles = generator.uniform(0, 360, 1000)
    ring = np.stack([np.cos(np.deg2rad(angles)), np.sin(np.deg2rad(angles))], 1)
    latents = ring + generator.normal(0, 0.05, ring.shape)
    recovery = recover_motion(latents, angles, generator)
    assert recovery.median_error_in_degrees < 4
    assert 70 < recovery.median_error_of_guessing_in_degrees < 110
    assert recovery.correlation > 0.98


def test_latents_without_information_are_no_better_than_a_guess() -> None:
    generator = np.random.default_rng(1)
    angles = generator.uniform(0, 360, 1000)
    recovery = recover_motion(generator.normal(size=(1000, 3)), angles, generator)
    assert recovery.median_error_in_degrees > 70
    assert abs(recovery.correlation) < 0.1


def test_latents_that_all_agree_say_nothing_and_break_nothing() -> None:
    recovery = recover_motion(np.zeros((40, 2)), np.linspace(0, 90, 40), np.random.default_rng(2))
    assert np.isfinite(recovery.predicted_angles_in_degrees).all()


def test_angles_go_round() -> None:
    np.testing.assert_allclose(
        angle_difference_in_degrees(np.array([350.0, 10, 180]), np.array([10.0, 350, -180])), [20, 20, 0]
    )
    np.testing.assert_allclose(mean_angle_in_degrees(np.array([350.0, 10.0])), 0, atol=1e-9)


def test_views_of_a_particle_do_not_predict_each_other() -> None:
    """Latents that name the particle and nothing else look perfect row by row."""
    generator = np.random.default_rng(3)
    particles = np.repeat(np.arange(60), 40)
    angles = generator.uniform(0, 360, 60)[particles]
    latents = 10 * generator.normal(size=(60, 3))[particles] + generator.normal(size=(len(particles), 3))
    by_rows = recover_motion(latents, angles, np.random.default_rng(4))
    by_particles = recover_motion(latents, angles, np.random.default_rng(4), particles)
    assert by_rows.median_error_in_degrees < 20
    assert by_particles.median_error_in_degrees > 60
