"""A click says how certain a particle is; what was not measured is said to be so."""

from pathlib import Path

import numpy as np
import pytest
from tiny_run import N_PARTICLES, make_tiny_run

from gem_plugin.explorer.particle_certainty import ParticleCertainty
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.checks.diagnostic import Diagnostic
from gem_plugin.results.checks import QUICK, RunChecks
from gem_plugin.results.run import Run


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    return make_tiny_run(tmp_path / "run")


def test_a_particle_has_its_own_uncertainty_state_and_outlier_probability(run: RunFiles) -> None:
    write_array(run.outliers, np.linspace(0, 0.4, N_PARTICLES).astype(np.float32))
    states = np.load(run.landscape.particle_states)
    row = int(np.flatnonzero(states == 2)[0])
    found = Diagnostic("state 2 may be noise", 11.6, 4.0, False, "They agree.")
    RunChecks().with_found([found], QUICK, run).save(run)
    text = ParticleCertainty(Run(run)).of(row)
    assert text.startswith("uncertainty of its latents: 0.10 latent units (typical 0.10); ")
    assert "; in state 2 (supported (12 sigma)) with probability " in text
    assert text.endswith(f"; probability to be an outlier: {np.linspace(0, 0.4, N_PARTICLES)[row]:.2f}")
    assert 0.4 < float(text.split("with probability ")[1].split(";")[0]) <= 1


def test_what_was_not_measured_is_said(run: RunFiles) -> None:
    run.latents_std.unlink()
    text = ParticleCertainty(Run(run)).of(0)
    assert "uncertainty of its latents: not measured" in text
    assert "(not tested), probability not measured" in text
    assert text.endswith("probability to be an outlier: not measured")


def test_a_particle_in_no_state_is_said_to_be_in_none(run: RunFiles) -> None:
    states = np.load(run.landscape.particle_states)
    states[7] = 0
    write_array(run.landscape.particle_states, states)
    assert "; in no state; " in ParticleCertainty(Run(run)).of(7)
