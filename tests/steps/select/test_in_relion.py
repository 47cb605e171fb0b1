"""Real RELION takes what select and write-star write."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from relion_projects import RelionProject

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.text import read_star_document
from gem_plugin.progress import Progress
from gem_plugin.results.written_particles import write_latents
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import run_select

pytestmark = pytest.mark.relion
QUIET = Progress(io.StringIO())


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    """A run of 40 particles with latents, of which 15 are in state 2."""
    project = RelionProject(tmp_path, n_particles=40).write()
    run = RunFiles(tmp_path / "External" / "job011")
    run_prepare(run, PrepareSettings(particles=project.star), QUIET)
    np.save(run.latents, np.random.default_rng(0).normal(size=(40, 2)))
    states = run.landscape.particle_states
    states.parent.mkdir()
    np.save(states, np.repeat([1, 2], [25, 15]))
    return run


def relion_run(folder: Path, *command: object) -> None:
    result = subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_star_handler_keeps_the_latents(run: RunFiles, relion: Path, tmp_path: Path) -> None:
    write_latents(run, np.load(run.latents))
    relion_run(tmp_path, relion / "relion_star_handler", "--i", run.particles(".star"), "--o", "copy.star")
    document = read_star_document(tmp_path / "copy.star")
    block = document.find_block("particles")
    assert block is not None
    found = read_columns(document, block, ["_gemLatent1", "_gemLatent2"])
    np.testing.assert_allclose(found["_gemLatent2"], np.load(run.latents)[:, 1], atol=1e-6)


@pytest.mark.parametrize("half_set", [1, 2])
def test_reconstruction_of_a_state_uses_its_half_sets(
    half_set: int, run: RunFiles, relion: Path, tmp_path: Path
) -> None:
    chosen = run_select(run, SelectSettings(states=(2,)), QUIET)["file"]
    command = [relion / "relion_reconstruct", "--i", chosen, "--o", "half.mrc", "--ctf", "--subset", half_set]
    relion_run(tmp_path, *command)
    assert (tmp_path / "half.mrc").is_file()
