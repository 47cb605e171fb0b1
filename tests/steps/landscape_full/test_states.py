"""landscape-full assigns every particle to the landscape's own states unless another clustering is requested."""

import dataclasses
import io

import numpy as np
import pytest
from arm_model import arm_source, ring_latents
from small_star_run import write_run

from gem_plugin.landscape.particle_states import numbered_alike
from gem_plugin.progress import Progress
from gem_plugin.results.components import VolumeComponents
from gem_plugin.settings import settings_from_values
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.step import map_landscape
from gem_plugin.steps.landscape_full.coordinates import find_coordinates
from gem_plugin.steps.landscape_full.job import FullLandscapeJob
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings
from gem_plugin.steps.landscape_full.states import states_of_all

N_PARTICLES = 300


@pytest.fixture(scope="module")
def sketched(tmp_path_factory: pytest.TempPathFactory) -> tuple[FullLandscapeJob, np.ndarray]:
    """A job without its settings of states, and the coordinates of all particles."""
    run, _ = write_run(tmp_path_factory.mktemp("run"), N_PARTICLES)
    source, progress = arm_source(ring_latents(N_PARTICLES)), Progress(io.StringIO())
    settings = LandscapeSettings(
        sketch_size=30, n_states=3, skip_umap=True, pc_dim=4, plot_dim=0, checks=False
    )
    map_landscape(source, run.landscape, run, settings, progress)
    basis, files = VolumeComponents.load(run.landscape), run.landscape
    job = FullLandscapeJob(source, basis, files.full, run, LandscapeFullSettings(), progress, None, files)
    return job, find_coordinates(job)[0]


def full_states(sketched: tuple[FullLandscapeJob, np.ndarray], n_states: int | str) -> tuple[np.ndarray, str]:
    job, coordinates = sketched
    said = io.StringIO()
    settings = settings_from_values(LandscapeFullSettings, {"n_states": n_states})
    job = dataclasses.replace(job, settings=settings, progress=Progress(said))
    return states_of_all(job, coordinates), said.getvalue()


@pytest.mark.parametrize("n_states", ["auto", 3])
def test_states_are_those_of_the_landscape(sketched: tuple, n_states: int | str) -> None:
    full, said = full_states(sketched, n_states)
    files = sketched[0].landscape
    before = np.load(files.particle_states)
    assert (full == before).mean() > 0.9
    assert set(full) == {1, 2, 3}
    n_moved = int((full != before).sum())
    assert f"by its own map, {n_moved} of 300 particles belong to another one" in said
    labels = np.load(files.state_labels)
    rows = np.loadtxt(files.sketch_rows, dtype=int)
    np.testing.assert_array_equal(full[rows], labels)


def test_another_number_is_a_clustering_of_its_own_with_numbers_alike(sketched: tuple) -> None:
    full, said = full_states(sketched, 5)
    files = sketched[0].landscape
    assert "5 states by ward linkage are not the 3 states of the landscape" in said
    assert set(full) == {1, 2, 3, 4, 5}
    np.testing.assert_array_equal(numbered_alike(full, np.load(files.particle_states)), full)


def test_numbers_follow_the_largest_overlap() -> None:
    reference = np.array([1, 1, 1, 2, 2, 3, 0])
    np.testing.assert_array_equal(numbered_alike(np.array([3, 3, 3, 1, 1, 2, 0]), reference), reference)
    finer = numbered_alike(np.array([1, 2, 2, 3, 3, 4, 0]), reference)
    np.testing.assert_array_equal(finer, [4, 1, 1, 2, 2, 3, 0])
    coarser = numbered_alike(np.array([2, 2, 2, 1, 1, 1, 0]), reference)
    np.testing.assert_array_equal(coarser, [1, 1, 1, 2, 2, 2, 0])
