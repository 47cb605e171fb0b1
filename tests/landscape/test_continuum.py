"""Length and resolution of simulated continua are right within 20 percent; single conformations are none."""

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.landscape.continuum import Continuum, find_continuum, motion_along
from gem_plugin.landscape.populations import Posteriors

N_PARTICLES = 2500


def curve(
    name: str, generator: np.random.Generator
) -> tuple[np.ndarray, float]:  # (n, 2), length of the middle 95 %
    along = generator.random(N_PARTICLES)
    if name == "line":
        return np.stack([4 * along - 2, 0 * along], axis=1), 0.95 * 4
    if name == "arc":
        angle = 1.2 * np.pi * along
        return 1.5 * np.stack([np.cos(angle), np.sin(angle)], axis=1), 0.95 * 1.5 * 1.2 * np.pi
    if name == "two basins of a ring":
        half = generator.random(N_PARTICLES) < 0.5
        along = np.where(half, 0.1, 0.15) * generator.normal(size=N_PARTICLES) + 0.5 * half
    angle = 2 * np.pi * along
    return 1.3 * np.stack([np.cos(angle), np.sin(angle)], axis=1), 2 * np.pi * 1.3


def posteriors(latents: np.ndarray, deviation: float, generator: np.random.Generator) -> Posteriors:
    """Exact ones under a standard normal prior; a third latent of which the images say nothing."""
    latents = np.concatenate([latents, np.zeros((len(latents), 1))], axis=1)
    noise = np.array([deviation**2, deviation**2, 50]) * np.exp(
        0.2 * generator.normal(size=(len(latents), 1))
    )
    seen = latents + np.sqrt(noise) * generator.normal(size=latents.shape)
    known = 1 / (1 + noise)
    return Posteriors(known * seen, np.sqrt(noise * known))


def found(given: Posteriors) -> Continuum | None:
    return find_continuum(given, given.means, np.arange(len(given.means)), np.random.default_rng(1))


@pytest.mark.parametrize("deviation", [0.12, 0.35])
@pytest.mark.parametrize("name", ["line", "arc", "ring", "two basins of a ring"])
def test_length_and_positions_are_right_within_20_percent(name: str, deviation: float) -> None:
    generator = np.random.default_rng(3)
    latents, length = curve(name, generator)
    one = found(posteriors(latents, deviation, generator))
    assert one is not None
    assert one.is_closed == ("ring" in name)
    assert one.is_resolved
    assert one.n_positions == pytest.approx(length / (2 * deviation), rel=0.2)
    assert one.length_in_latents * (1 + deviation**2) == pytest.approx(length, rel=0.2)
    assert one.explained > 0.9
    ends = np.linalg.norm(one.latents[0] - one.latents[-1])
    assert (ends == 0) == one.is_closed


def test_one_conformation_is_no_continuum_however_noisy() -> None:
    for deviation in (0.1, 0.4):
        generator = np.random.default_rng(5)
        one = found(posteriors(np.zeros((N_PARTICLES, 2)), deviation, generator))
        assert one is None or not one.is_resolved


def test_a_sheet_says_that_one_curve_does_not_hold_it() -> None:
    generator = np.random.default_rng(6)
    one = found(posteriors(generator.uniform(-1.5, 1.5, size=(N_PARTICLES, 2)), 0.1, generator))
    assert one is not None
    assert not one.is_closed
    assert one.explained < 0.75


def test_a_loop_with_an_empty_part_is_not_closed() -> None:
    generator = np.random.default_rng(7)
    angle = 2 * np.pi * 0.8 * generator.random(N_PARTICLES)
    one = found(posteriors(1.3 * np.stack([np.cos(angle), np.sin(angle)], axis=1), 0.12, generator))
    assert one is not None
    assert not one.is_closed
    assert one.n_positions == pytest.approx(0.95 * 1.3 * 2 * np.pi * 0.8 / 0.24, rel=0.2)


def test_without_uncertainties_there_is_a_length_and_no_resolution() -> None:
    latents, length = curve("arc", np.random.default_rng(8))
    one = find_continuum(None, latents, np.arange(len(latents)), np.random.default_rng(1))
    assert one is not None
    assert np.isnan(one.n_positions)
    assert one.is_resolved
    assert one.length_in_latents == pytest.approx(length, rel=0.1)


def test_few_particles_and_latents_that_say_nothing_give_none() -> None:
    generator = np.random.default_rng(9)
    given = posteriors(generator.normal(size=(500, 2)), 0.1, generator)
    assert find_continuum(given, given.means, np.arange(99), generator) is None
    assert found(posteriors(np.zeros((500, 2)), 10.0, generator)) is None
    with pytest.raises(InputError, match=r"Latents have shape \(500, 3\), their uncertainties \(500, 2\)"):
        found(Posteriors(given.means, given.standard_deviations[:, :2]))


def test_motion_is_the_way_of_the_moving_density() -> None:
    turned = np.linspace(0, 2 * np.pi, 101)
    still = np.tile([[5.0, 0, 0], [0, 9.0, 0]], (101, 1, 1))
    arm = np.stack([30 * np.cos(turned), 30 * np.sin(turned), 0 * turned], axis=1)[:, None]
    amplitudes = np.tile([4.0, 4.0, 2.0], (101, 1))
    moved = motion_along(np.concatenate([still, arm], axis=1), amplitudes)
    assert moved.rms_in_angstroms == pytest.approx(2 * np.pi * 30, rel=0.01)
    assert moved.largest_in_angstroms == pytest.approx(2 * np.pi * 30, rel=0.01)
    assert moved.moving_fraction == pytest.approx(0.2)
    assert motion_along(still, amplitudes[:, :2]).largest_in_angstroms == 0
