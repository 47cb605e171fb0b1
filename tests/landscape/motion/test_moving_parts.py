"""Parts that move as one: their mass and motion against what was planted."""

import numpy as np
import pytest

from gem_plugin.landscape.motion.moving_parts import MovingParts, find_moving_parts

N_PARTICLES = 120
RADIUS = 9.0  # of a blob, Å


def _blob(generator: np.random.Generator, centre: list[float], n: int = 150) -> np.ndarray:
    return generator.normal(0, RADIUS, (n, 3)) + np.array(centre)


def _wobble(
    generator: np.random.Generator, n: int
) -> np.ndarray:  # (k, n, 3): what every decoder does a little
    return generator.normal(0, 0.5, (N_PARTICLES, n, 3))


def _agrees(value: float, error: float, truth: float) -> bool:
    return abs(value - truth) < 3 * error + 0.02 * abs(truth)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(5)


def test_a_rigid_arm_is_one_part_with_its_mass_and_motion(generator: np.random.Generator) -> None:
    places = np.concatenate([_blob(generator, [0, 0, 0], 300), _blob(generator, [45, 0, 0])])
    swing = 10 * generator.uniform(-1, 1, N_PARTICLES)
    clouds = places + _wobble(generator, 450)
    clouds[:, 300:, 1] += swing[:, None]
    labels, parts = find_moving_parts(clouds, np.ones((N_PARTICLES, 450)), seed=0)
    assert (labels[:300] == 1).all()
    assert (labels[300:] == 2).all()
    assert _agrees(parts.fraction_of_mass[1], parts.fraction_of_mass_error[1], 1 / 3)
    truth = np.sqrt(swing.var() + 3 * 0.5**2)
    assert _agrees(parts.motion_in_angstroms[1], parts.motion_error_in_angstroms[1], truth)
    assert parts.motion_in_angstroms[0] == pytest.approx(np.sqrt(3) * 0.5, rel=0.05)


def test_an_arm_that_the_gaussians_follow_only_in_part_is_one_part_and_bounded_from_below(
    generator: np.random.Generator,
) -> None:
    """Three wells 40 Å apart; at each a set of Gaussians that appears and fades and shifts by a few Å towards the density."""
    wells = np.array([[0.0, -40, 0], [0, 0, 0], [0, 40, 0]])
    arm = _blob(generator, [50, 0, 0])
    places = np.concatenate([_blob(generator, [-30, 0, 0], 600), *(arm + well for well in wells)])
    well_of = generator.integers(0, 3, N_PARTICLES)
    clouds = places + _wobble(generator, 1050)
    amplitudes = np.ones((N_PARTICLES, 1050))
    for number in range(3):
        some = slice(600 + 150 * number, 750 + 150 * number)
        clouds[:, some] += 0.2 * (wells[well_of] - wells[number])[:, None]
        amplitudes[:, some] = np.where(well_of == number, 0.9, 0.05)[:, None]
    truth = np.sqrt((wells[well_of] - wells[well_of].mean(axis=0)).var(axis=0).sum())
    labels, parts = find_moving_parts(clouds, amplitudes, seed=0)
    assert len(parts.gaussians) == 2
    assert (labels[600:] == 2).all()
    assert _agrees(parts.fraction_of_mass[1], parts.fraction_of_mass_error[1], 0.2)
    assert parts.motion_in_angstroms[1] < truth + 2 * parts.motion_error_in_angstroms[1]
    assert parts.motion_in_angstroms[1] > 0.7 * truth
    assert parts.amplitude_change[1] > 0.5
    assert parts.mass_change[1] < 0.1


@pytest.mark.parametrize("distance", [90.0, 24.0])  # apart, and side by side
def test_two_arms_that_move_on_their_own_are_two_parts(
    generator: np.random.Generator, distance: float
) -> None:
    centres = [[45, -distance / 2, 0], [45, distance / 2, 0]]
    places = np.concatenate([_blob(generator, [0, 0, 0], 400), *(_blob(generator, one) for one in centres)])
    clouds = places + _wobble(generator, 700)
    clouds[:, 400:550, 2] += 9 * generator.uniform(-1, 1, (N_PARTICLES, 1))
    clouds[:, 550:, 0] += 16 * generator.uniform(-1, 1, (N_PARTICLES, 1))
    labels, parts = find_moving_parts(clouds, np.ones((N_PARTICLES, 700)), seed=0)
    assert len(parts.gaussians) == 3
    assert np.mean(labels[400:550] == 2) > 0.95
    assert np.mean(labels[550:] == 3) > 0.95
    assert parts.motion_in_angstroms[2] == pytest.approx(16 / np.sqrt(3), rel=0.15)


def test_a_ligand_that_comes_and_goes_is_a_part_whose_mass_changes(generator: np.random.Generator) -> None:
    places = np.concatenate([_blob(generator, [0, 0, 0], 500), _blob(generator, [35, 0, 0], 40)])
    amplitudes = np.ones((N_PARTICLES, 540))
    amplitudes[:, 500:] = np.where(generator.random(N_PARTICLES) < 0.3, 1.0, 0.02)[:, None]
    labels, parts = find_moving_parts(places + _wobble(generator, 540), amplitudes, seed=0)
    assert (labels[500:] == 2).all()
    assert (labels[:500] == 1).all()
    assert parts.mass_change[1] > 1


def test_a_molecule_that_stands_still_has_one_part(generator: np.random.Generator) -> None:
    places = _blob(generator, [0, 0, 0], 500)
    size = np.exp(generator.normal(0, 0.3, (1, 500, 1)))  # some Gaussians wobble more than others
    clouds = places + size * _wobble(generator, 500)
    labels, parts = find_moving_parts(clouds, generator.uniform(0.9, 1.1, (N_PARTICLES, 500)), seed=0)
    assert set(labels.tolist()) == {1}
    assert parts.fraction_of_mass.tolist() == [1.0]


def test_the_parts_of_few_particles_are_measured_too(generator: np.random.Generator) -> None:
    for n_particles in (1, 2, 3):
        labels, parts = find_moving_parts(
            np.repeat(_blob(generator, [0, 0, 0], 60)[None], n_particles, axis=0),
            np.ones((n_particles, 60)),
            seed=0,
        )
        assert isinstance(parts, MovingParts)
        assert labels.tolist() == [1] * 60
        assert parts.motion_in_angstroms == pytest.approx([0.0], abs=1e-9)
