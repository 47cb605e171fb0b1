"""A landscape of a ring is one closed continuum with its length; one of separate groups has none; old numbers stay."""

import io
from pathlib import Path

import numpy as np
import pytest
from arm_model import arm_source, ring_latents
from small_star_run import write_run

import gem_plugin as gem
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.continuum import load_continua
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.step import map_landscape

N_PARTICLES = 600


def landscape(folder: Path, latents: np.ndarray, deviation: float, **changes) -> tuple[RunFiles, dict, str]:
    run, _ = write_run(folder, N_PARTICLES)
    write_array(run.latents_std, np.full(latents.shape, deviation, np.float32))
    settings = LandscapeSettings(
        sketch_size=80, skip_umap=True, pc_dim=4, plot_dim=0, checks=False, **changes
    )
    said = io.StringIO()
    numbers = map_landscape(arm_source(latents), run.landscape, run, settings, Progress(said))
    return run, numbers, said.getvalue()


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFiles, dict, str]:
    return landscape(tmp_path_factory.mktemp("ring"), ring_latents(N_PARTICLES), 0.1)


def test_a_ring_is_one_state_and_a_closed_continuum(ring: tuple[RunFiles, dict, str]) -> None:
    run, numbers, said = ring
    assert (numbers["states"], numbers["continua"], numbers["one_cloud"]) == (1, 1, True)
    (one,) = load_continua(run.landscape)
    assert (one.state, one.is_closed) == (0, True)
    assert one.largest_in_angstroms >= one.rms_in_angstroms > 1
    assert one.sentence in said
    assert gem.open_run(run.root).continua == (one,)


def test_separate_groups_are_states_and_no_continua(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    angles = generator.choice([0, 2, 4], N_PARTICLES, p=[0.6, 0.3, 0.1])
    latents = np.stack([np.cos(angles), np.sin(angles)], axis=1) + 0.02 * generator.normal(
        size=(N_PARTICLES, 2)
    )
    run, numbers, _ = landscape(tmp_path, latents.astype(np.float32), 0.1)
    assert (numbers["states"], numbers["continua"], numbers["one_cloud"]) == (3, 0, False)
    found = np.load(run.landscape.particle_states)
    assert [set(found[angles == angle]) for angle in (0, 2, 4)] == [{1}, {2}, {3}]
