"""Gains of held-out particles: paired, with an error that contains both kinds of noise."""

import math

import pytest
import torch

from gem_plugin.heterogeneity.held_out_bounds import Gain, HeldOutBounds

N_PARTICLES = 400


def checks(gain_per_check, noise_of_checks=0.0, n_checks=8, noise_of_particles=0.1, seed=0):
    """Checks at times 1, 2, ... of particles whose bounds differ by 30 nats from each other."""
    generator = torch.Generator().manual_seed(seed)
    levels = 30 * torch.randn(N_PARTICLES, generator=generator)
    bounds = HeldOutBounds()
    for number in range(1, n_checks + 1):
        own = noise_of_particles * torch.randn(N_PARTICLES, generator=generator)
        common = noise_of_checks * torch.randn((), generator=generator)
        bounds.add(float(number), levels + own + common + gain_per_check * number)
    return bounds


def test_a_gain_far_below_the_differences_between_particles_is_measured():
    gain = checks(0.02).gain(0, 8)
    assert gain.nats == pytest.approx(4 * 0.02, abs=3 * gain.standard_error)
    assert gain.standard_error < 0.02  # of the bound itself: 30 / sqrt(400) = 1.5
    assert gain.nats > 4 * gain.standard_error


def test_the_error_is_how_much_the_gain_varies_when_nothing_is_gained():
    gains = [checks(0.0, noise_of_checks=0.05, seed=seed).gain(0, 8) for seed in range(300)]
    found = math.sqrt(sum(gain.nats**2 for gain in gains) / len(gains))
    said = math.sqrt(sum(gain.standard_error**2 for gain in gains) / len(gains))
    assert said == pytest.approx(found, rel=0.15)


def test_a_window_takes_only_its_own_checks_and_needs_two_in_each_half():
    bounds = checks(0.0)
    bounds.add(9.0, torch.full((N_PARTICLES,), 1e6))
    assert bounds.gain(0, 8).nats < 1
    assert bounds.gain(5, 8) is None  # 6; 7, 8
    assert bounds.gain(4, 8) is not None  # 5, 6; 7, 8
    assert HeldOutBounds().gain(0, 8) is None


def test_one_particle_alone_is_never_sure():
    bounds = HeldOutBounds()
    for number in range(1, 5):
        bounds.add(float(number), torch.tensor([float(number)]))
    assert bounds.gain(0, 4) == Gain(2.0, math.inf)


def test_old_checks_are_forgotten_and_the_state_is_whole():
    bounds = checks(0.01)
    bounds.forget_before(2.0)
    assert bounds.times == [3, 4, 5, 6, 7, 8]
    again = HeldOutBounds()
    again.load_state(bounds.state())
    assert again.gain(2, 8) == bounds.gain(2, 8)
