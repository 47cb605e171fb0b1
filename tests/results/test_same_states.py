"""States of landscape-full are those of landscape where they have most particles in common."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.results.same_states import fractions_in_common, full_states_in_common


def test_the_fraction_is_of_the_particles_of_either_state() -> None:
    states = np.array([1, 1, 1, 1, 2, 2])
    others = np.array([1, 1, 1, 2, 2, 2])
    assert fractions_in_common(states, others) == {1: pytest.approx(3 / 4), 2: pytest.approx(2 / 3)}
    assert fractions_in_common(states, states) == {1: 1.0, 2: 1.0}


def test_particles_that_one_of_them_leaves_out_do_not_count() -> None:
    states, others = np.array([1, 1, 0, 2, 2]), np.array([1, 0, 1, 2, 2])
    assert fractions_in_common(states, others) == {1: 1.0, 2: 1.0}
    assert fractions_in_common(np.array([1, 1, 2, 2]), np.array([1, 1, 0, 2]))[2] == 1.0


def test_another_number_of_states_or_particles_has_none_in_common() -> None:
    states = np.array([1, 1, 2, 2])
    assert fractions_in_common(states, np.array([1, 1, 2, 3])) == {}
    assert fractions_in_common(states, np.array([1, 1, 2])) == {}


def test_a_run_without_one_of_them_has_none(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    write_array(run.landscape.particle_states, np.array([1, 2]))
    assert full_states_in_common(run) == {}
    write_array(tmp_path / "others.npy", np.array([1, 2]))
    assert full_states_in_common(run, tmp_path / "others.npy") == {1: 1.0, 2: 1.0}
