"""Planted states of unequal size are found; clouds, bent paths and rings are one continuum."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gem_plugin.errors import InputError
from gem_plugin.landscape.basins import find_basins
from gem_plugin.landscape.sketch import make_sketch

N_PARTICLES, N_MAPS = 4000, 250


def basins_of(points: np.ndarray) -> tuple:
    sketch = make_sketch(points.astype(np.float32), N_MAPS, seed=0)
    at = points[sketch.rows]
    return find_basins(cdist(at, at), sketch.counts.astype(float)), sketch


def corners(fractions: tuple[float, ...], apart: float, generator: np.random.Generator) -> tuple:
    """States at the corners of a simplex, in units of the noise; with two latents that say nothing."""
    truth = generator.choice(len(fractions), N_PARTICLES, p=fractions)
    points = generator.normal(size=(N_PARTICLES, len(fractions) + 2))
    points[:, -2:] *= 0.1
    points[np.arange(N_PARTICLES), truth] += apart / np.sqrt(2)
    return points, truth


@pytest.mark.parametrize(
    "fractions", [(1.0,), (0.5, 0.5), (0.9, 0.1), (0.75, 0.2, 0.05), (0.6, 0.2, 0.15, 0.05)], ids=str
)
def test_planted_states_of_unequal_size_are_found(fractions: tuple[float, ...]) -> None:
    points, truth = corners(fractions, 8.0, np.random.default_rng(len(fractions)))
    basins, sketch = basins_of(points)
    assert basins.n_states == len(fractions)
    labels = basins.labels(len(fractions))[sketch.labels]
    for state in range(len(fractions)):
        assert np.bincount(labels[truth == state]).max() > 0.97 * (truth == state).sum()


def continuum(name: str, generator: np.random.Generator) -> np.ndarray:
    along = generator.random(N_PARTICLES)
    noise = 0.1 * generator.normal(size=(N_PARTICLES, 3))
    if name == "line":
        noise[:, 0] += 3 * along
    elif name == "cloud":
        noise *= [10, 6, 3]
    else:
        angle = 2 * np.pi * along * (1 if name == "ring" else 0.7)
        noise[:, :2] += np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return noise


@pytest.mark.parametrize("name", ["line", "bent path", "ring", "cloud"])
def test_a_continuum_is_not_sold_as_discrete(name: str) -> None:
    for seed in range(3):
        basins, _ = basins_of(continuum(name, np.random.default_rng(seed)))
        assert basins.n_states == 1, (name, seed)
        assert basins.barrier_of(2) < 1


def test_two_basins_of_a_continuum_have_the_barrier_of_their_density() -> None:
    generator = np.random.default_rng(0)
    grid = np.linspace(-2.2, 2.2, 2000)
    energy = 3 * (grid**2 - 1) ** 2  # kT: 3 between the basins
    density = np.exp(-energy) / np.exp(-energy).sum()
    points = generator.choice(grid, N_PARTICLES, p=density)[:, None] + np.zeros(2)
    points[:, 1] = 0.005 * generator.normal(size=N_PARTICLES)
    basins, _ = basins_of(points)
    assert basins.n_states == 2
    assert basins.barrier_of(2) == pytest.approx(3, abs=0.8)
    assert basins.barrier_of(3) < 1


def test_few_maps_are_one_basin_and_noise_of_few_particles_is_no_border() -> None:
    assert find_basins(np.ones((3, 3)) - np.eye(3), np.ones(3)).n_states == 1
    points = np.random.default_rng(1).normal(size=(60, 2))
    basins = find_basins(cdist(points, points), np.ones(60))
    assert basins.least_barrier_in_kt > 2
    assert basins.n_states == 1


def test_maps_that_are_all_the_same_are_one_basin() -> None:
    assert find_basins(np.zeros((30, 30)), np.full(30, 10.0)).n_states == 1


def test_other_shapes_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"Expected distances between 4 maps as a square table, got shape \(3, 3\)"
    ):
        find_basins(np.zeros((3, 3)), np.ones(4))
