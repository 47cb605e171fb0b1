"""Validation particles are held out with all their views; plain sets are split as they always were."""

import numpy as np
import pytest
import torch

from gem_plugin.steps.train.setup import MAXIMUM_VALIDATION_PARTICLES, split_rows


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_no_particle_is_on_both_sides() -> None:
    particles = np.random.default_rng(0).permutation(np.repeat(np.arange(200), 14))
    rows = torch.from_numpy(np.flatnonzero(np.random.default_rng(1).random(2800) < 0.9))  # some excluded
    training, validation = split_rows(rows, 0.1, generator(), particles)
    assert not set(particles[training]) & set(particles[validation])
    assert len(set(particles[validation])) == 20
    assert torch.equal(torch.cat([training, validation]).sort().values, rows)
    assert torch.equal(training, training.sort().values)
    assert torch.equal(validation, validation.sort().values)


def test_plain_particles_are_drawn_as_rows() -> None:
    rows = torch.arange(0, 1000, 2)
    training, validation = split_rows(rows, 0.1, generator(), np.arange(1000))
    order = rows[torch.randperm(500, generator=generator())]
    assert torch.equal(validation, order[:50].sort().values)
    assert torch.equal(training, order[50:].sort().values)


def test_many_views_do_not_make_validation_long() -> None:
    particles = np.repeat(np.arange(10_000), 60)
    _, validation = split_rows(torch.arange(600_000), 0.05, generator(), particles)
    assert len(validation) <= MAXIMUM_VALIDATION_PARTICLES
    assert len(set(particles[validation])) == MAXIMUM_VALIDATION_PARTICLES // 60


@pytest.mark.parametrize("fraction", [0.0, 0.001])
def test_nothing_is_held_out_where_that_is_less_than_a_particle(fraction: float) -> None:
    training, validation = split_rows(torch.arange(90), fraction, generator(), np.repeat(np.arange(30), 3))
    assert (len(training), len(validation)) == (90, 0)
