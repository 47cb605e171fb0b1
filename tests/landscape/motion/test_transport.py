"""The shortest way of density from one distribution to another."""

import numpy as np
import pytest

from gem_plugin.landscape.motion.transport import squared_transport

PAIRS = np.array([[0, 1]])


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(1)


def test_a_shift_is_the_distance_of_the_shift(generator: np.random.Generator) -> None:
    blob = generator.normal(0, 8, (400, 3))
    places = np.stack([blob, blob + np.array([12.0, 0, 5.0])])
    found = squared_transport(places, np.ones((2, 400)), PAIRS, seed=0)
    assert found.mean() == pytest.approx(12**2 + 5**2, rel=0.06)


def test_density_that_fades_here_and_appears_there_has_moved(generator: np.random.Generator) -> None:
    """No Gaussian moves; the density does."""
    blob = generator.normal(0, 8, (400, 3))
    both = np.concatenate([blob, blob + np.array([0, 30.0, 0])])
    here, there = np.repeat([1.0, 0.0], 400), np.repeat([0.0, 1.0], 400)
    found = squared_transport(np.stack([both, both]), np.stack([here, there]), PAIRS, seed=0)
    assert found.mean() == pytest.approx(900, rel=0.05)


def test_the_same_density_has_not_moved(generator: np.random.Generator) -> None:
    blob = generator.normal(0, 20, (500, 3))
    found = squared_transport(np.stack([blob, blob]), np.ones((2, 500)), PAIRS, seed=0)
    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_it_is_never_longer_than_the_true_motion(generator: np.random.Generator) -> None:
    """A rotation about the own axis moves density less than it moves points."""
    blob = generator.normal(0, [15, 15, 4], (500, 3))
    angle = np.deg2rad(90)
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    moved = blob @ rotation.T
    found = squared_transport(np.stack([blob, moved]), np.ones((2, 500)), PAIRS, seed=0)
    assert found.mean() < ((moved - blob) ** 2).sum(axis=1).mean()


def test_a_little_noise_in_the_amplitudes_is_no_motion_to_speak_of(generator: np.random.Generator) -> None:
    blob = generator.normal(0, 20, (500, 3))
    found = squared_transport(np.stack([blob, blob]), generator.uniform(0.9, 1.1, (2, 500)), PAIRS, seed=0)
    assert np.sqrt(found.mean()) < 2


def test_a_very_long_way_is_found_too(generator: np.random.Generator) -> None:
    blob = generator.normal(0, 10, (300, 3))
    found = squared_transport(
        np.stack([blob, blob + np.array([400.0, 0, 0])]), np.ones((2, 300)), PAIRS, seed=0
    )
    assert found.mean() == pytest.approx(400**2, rel=0.02)
