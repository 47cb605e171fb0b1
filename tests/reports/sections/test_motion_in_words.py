"""What moves, in sentences that are true of what was measured."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.landscape.motion.gaussians import GaussianMotion, measure_motion
from gem_plugin.reports.figures.motion import draw_parts
from gem_plugin.reports.sections.motion_in_words import motion_in_words

N_PARTICLES = 60


def _clouds(generator: np.random.Generator) -> np.ndarray:  # (k, 300, 3): a body and an arm
    places = generator.normal(0, 9, (300, 3)) + np.repeat([[0.0, 0, 0], [45, 0, 0]], [200, 100], axis=0)
    return places + generator.normal(0, 0.3, (N_PARTICLES, 300, 3))


def _said(clouds: np.ndarray, amplitudes: np.ndarray) -> str:
    motion = measure_motion(clouds, amplitudes, seed=0)
    assert isinstance(motion, GaussianMotion)
    return motion_in_words(motion)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(4)


def test_a_rigid_arm(generator: np.random.Generator) -> None:
    clouds = _clouds(generator)
    clouds[:, 200:, 1] += 10 * generator.uniform(-1, 1, (N_PARTICLES, 1))
    said = _said(clouds, np.ones((N_PARTICLES, 300)))
    assert said.startswith("One part, 33 ± 3 % of the mass, moves by ")
    assert "at least" not in said
    assert "lower bound" not in said
    assert "The rest moves by 0.7 Å." in said  # with one Gaussian that lies apart from the arm


def test_where_amplitudes_change_strongly_the_distance_is_called_a_lower_bound(
    generator: np.random.Generator,
) -> None:
    clouds, amplitudes = _clouds(generator), np.ones((N_PARTICLES, 300))
    is_up = generator.random(N_PARTICLES) < 0.5
    clouds[:, 200:250, 1] += np.where(is_up, 2.0, -2.0)[:, None]
    clouds[:, 250:, 1] += 25 + np.where(is_up, 2.0, -2.0)[:, None]
    amplitudes[:, 200:250] = np.where(is_up, 0.1, 0.9)[:, None]
    amplitudes[:, 250:] = np.where(is_up, 0.9, 0.1)[:, None]
    said = _said(clouds, amplitudes)
    assert "moves by at least" in said
    assert "A large motion, which the Gaussians follow only in part, looks like this" in said
    assert "the distance is a lower bound" in said


def test_what_is_not_there_in_every_particle_is_not_called_a_motion(generator: np.random.Generator) -> None:
    amplitudes = np.ones((N_PARTICLES, 300))
    amplitudes[:, 200:] = np.where(generator.random(N_PARTICLES) < 0.5, 1.0, 0.02)[:, None]
    said = _said(_clouds(generator), amplitudes)
    assert "is not there in every particle" in said
    assert "lower bound" not in said


def test_nothing_that_moves(generator: np.random.Generator) -> None:
    said = _said(_clouds(generator), np.ones((N_PARTICLES, 300)))
    assert said.startswith("No part moves clearly more than the rest")


def test_a_molecule_without_a_rest_has_a_report_too(generator: np.random.Generator, tmp_path: Path) -> None:
    """One domain moves, the other comes and goes, and nothing stands still."""
    places = generator.normal(0, 9, (300, 3)) + np.repeat([[-80.0, 0, 0], [0, 0, 0]], 150, axis=0)
    clouds = places + generator.normal(0, 0.05, (N_PARTICLES, 300, 3))
    clouds[:, 150:, 1] += 20 * generator.uniform(-1, 1, (N_PARTICLES, 1))
    amplitudes = np.ones((N_PARTICLES, 300))
    amplitudes[:, :150] = np.where(generator.random(N_PARTICLES) < 0.3, 1.0, 0.05)[:, None]
    motion = measure_motion(clouds, amplitudes, seed=0)
    assert motion.moving_parts.gaussians.tolist() == [0, 150, 150]
    said = motion_in_words(motion)
    assert "Part 3, 73.2 ± 2.2 % of the mass, moves by" in said
    assert "of the mass on average, is not there in every particle" in said
    assert "The rest" not in said
    assert all(path.is_file() for path in draw_parts(tmp_path / "parts", motion))


def test_two_parts_are_told_apart(generator: np.random.Generator) -> None:
    clouds = _clouds(generator)
    second = generator.normal(0, 9, (100, 3)) - np.array([45.0, 0, 0])
    clouds = np.concatenate([clouds, second + generator.normal(0, 0.3, (N_PARTICLES, 100, 3))], axis=1)
    clouds[:, 200:300, 1] += 10 * generator.uniform(-1, 1, (N_PARTICLES, 1))
    clouds[:, 300:, 2] += 16 * generator.uniform(-1, 1, (N_PARTICLES, 1))
    said = _said(clouds, np.ones((N_PARTICLES, 400)))
    assert said.startswith("Two parts change independently of each other. Part 3, 25.0 ± 2.5 %")
    assert "Part 2, 24.8 ± 2.5 %" in said
