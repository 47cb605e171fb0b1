"""landscape-full assigns every particle to the landscape's own states unless another clustering is requested."""

import io
from pathlib import Path

import numpy as np
import pytest
from arm_model import arm_source, ring_latents
from small_star_run import write_run

from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.particle_states import numbered_alike
from gem_plugin.progress import Progress
from gem_plugin.results.components import VolumeComponents
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.step import map_landscape
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings
from gem_plugin.steps.landscape_full.step import map_full_landscape

N_PARTICLES = 300


@pytest.fixture(scope="module")
def sketched(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    run, _ = write_run(tmp_path_factory.mktemp("run"), N_PARTICLES)
    settings = LandscapeSettings(
        sketch_size=30, n_states=3, skip_umap=True, pc_dim=4, plot_dim=0, checks=False
    )
    source = arm_source(ring_latents(N_PARTICLES))
    map_landscape(source, run.landscape, run, settings, Progress(io.StringIO()))
    return run


def full_states(run: RunFiles, folder: Path, **changes) -> tuple[np.ndarray, str]:
    settings = LandscapeFullSettings(
        skip_umap=True, maps_per_state=0, bootstrap=2, path_points=0, leiden=False, outdir=folder, **changes
    )
    said, source = io.StringIO(), arm_source(ring_latents(N_PARTICLES))
    map_full_landscape(
        source, VolumeComponents.load(run.landscape), run.landscape, run, settings, Progress(said)
    )
    return np.load(folder / "particle_states.npy"), said.getvalue()


@pytest.mark.parametrize("n_states", ["auto", 3])
def test_states_are_those_of_the_landscape(sketched: RunFiles, tmp_path: Path, n_states: int | str) -> None:
    full, said = full_states(sketched, tmp_path, n_states=n_states)
    before = np.load(sketched.landscape.particle_states)
    assert (full == before).mean() > 0.9
    assert set(full) == {1, 2, 3}
    n_moved = int((full != before).sum())
    assert f"by its own map, {n_moved} of 300 particles belong to another one" in said
    labels = np.load(sketched.landscape.state_labels)
    rows = np.loadtxt(sketched.landscape.sketch_rows, dtype=int)
    np.testing.assert_array_equal(full[rows], labels)


def test_another_number_is_a_clustering_of_its_own_with_numbers_alike(
    sketched: RunFiles, tmp_path: Path
) -> None:
    full, said = full_states(sketched, tmp_path, n_states=5)
    assert "5 states by ward linkage are not the 3 states of the landscape" in said
    assert set(full) == {1, 2, 3, 4, 5}
    np.testing.assert_array_equal(numbered_alike(full, np.load(sketched.landscape.particle_states)), full)


def test_numbers_follow_the_largest_overlap() -> None:
    reference = np.array([1, 1, 1, 2, 2, 3, 0])
    np.testing.assert_array_equal(numbered_alike(np.array([3, 3, 3, 1, 1, 2, 0]), reference), reference)
    finer = numbered_alike(np.array([1, 2, 2, 3, 3, 4, 0]), reference)
    np.testing.assert_array_equal(finer, [4, 1, 1, 2, 2, 3, 0])
    coarser = numbered_alike(np.array([2, 2, 2, 1, 1, 1, 0]), reference)
    np.testing.assert_array_equal(coarser, [1, 1, 1, 2, 2, 2, 0])
