"""A particle in the middle of its state is surely there; one on the border is half in each; a sharp one is where its label is."""

import numpy as np
import pytest

from gem_plugin.landscape.latents.state_probabilities import StateProbabilities

POSITIONS = np.linspace(-3, 3, 601)
LATENTS = np.stack([POSITIONS, np.zeros(601)], axis=1).astype(np.float32)
STATES = np.where(POSITIONS < 0, 1, 2)


def probabilities(deviation: float, states: np.ndarray = STATES) -> StateProbabilities:
    return StateProbabilities(LATENTS, np.full(LATENTS.shape, deviation, np.float32), states)


def test_the_fraction_of_the_posterior_beyond_the_border_is_the_other_state() -> None:
    found = probabilities(0.5)
    assert found.of(0) == {1: 1.0}
    border = int(np.flatnonzero(STATES == 2)[0])
    assert found.of(border)[2] == pytest.approx(0.5, abs=0.08)
    one_sigma = int(np.abs(POSITIONS - 0.5).argmin())
    assert found.of(one_sigma)[2] == pytest.approx(0.841, abs=0.05)
    assert sum(found.of(one_sigma).values()) == pytest.approx(1)


def test_a_sharp_posterior_stays_in_the_state_of_its_particle() -> None:
    assert probabilities(0.0).of(int(np.flatnonzero(STATES == 2)[0])) == {2: 1.0}


def test_a_particle_in_no_state_has_no_probability_and_is_nobodys_neighbour() -> None:
    states = np.where(np.arange(601) == 600, 0, STATES)
    found = probabilities(0.5, states)
    assert found.of(600) == {}
    assert 0 not in found.of(599)


def test_the_same_particle_has_the_same_probability_again() -> None:
    assert probabilities(0.5).of(310) == probabilities(0.5).of(310)


def test_of_many_particles_some_are_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gem_plugin.landscape.latents.state_probabilities.N_PARTICLES", 50)
    found = probabilities(0.0)
    assert all(found.of(row) == {int(STATES[row]): 1.0} for row in range(0, 601, 20))
