"""A whole run on tilt series of a symmetric complex: the state of each subunit comes back, in all three forms."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from tilt_complexes import SYMMETRY, expanded_file, focus_mask, simulate_tilt_complex
from tilt_projects import FORMS, RELION, read, truth_of

import gem_plugin as gem
from gem_plugin.explorer.tilt_montage import filtered_tilts, tilts_shown
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.steps.reconstruct.settings import ReconstructSettings
from gem_plugin.steps.reconstruct.step import run_reconstruct

N_PARTICLES = 150
GOAL = 0.8  # of the adjusted Rand index, which is 0 by chance, 1 for all right
SHORT: dict[str, Any] = {
    "box": 32,
    "epochs": 6,
    "sketch_size": 100,
    "n_states": 2,
    "ksample": 5,
    "pc": 1,
    "skip_umap": True,
    "n_gaussians": 300,
    "fit_images": 1500,
    "anchors": 128,
    "plot_dim": 0,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Independent subunits in two states, with noise; 6 to 11 tilts each."""
    folder = tmp_path_factory.mktemp("complex") / "project"
    changes = {"snr": 0.1, "tilt_to": 50.0, "tilt_step": 10.0, "fewest_tilts": 6}
    return simulate_tilt_complex(folder, n_particles=N_PARTICLES, **changes)


def fitted(project: Path, particles: Path, folder: Path, **settings: Any) -> Run:
    given = {"map": project / "consensus.mrc", "focus_mask": focus_mask(project), **SHORT, **settings}
    gem.fit(particles, out=folder, show_progress=False, **given)
    return Run(folder)


def rand_index(project: Path, run: Run) -> float:
    """Of the states of all subunits: view j of a particle has the subunit of operator j in the first place."""
    return adjusted_rand_score(truth_of(project)["which"].reshape(-1), run.states().labels)


@pytest.fixture(scope="module")
def relion_run(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("relion") / "run"
    return fitted(project, project / RELION, folder, symmetry=SYMMETRY)


def test_the_state_of_every_subunit_comes_back(relion_run, project):
    assert rand_index(project, relion_run) > GOAL
    which = truth_of(project)["which"]
    shuffled = np.roll(which, 1, axis=1).reshape(-1)  # the states of another subunit of the same particle
    assert abs(adjusted_rand_score(shuffled, relion_run.states().labels)) < 0.1


def test_subunits_are_counted_by_particle(relion_run, project):
    subunits = relion_run.subunits()
    assert len(subunits.counts) == N_PARTICLES
    assert subunits.is_complete.all()
    assert abs(subunits.cooperativity.value) < 4 * subunits.cooperativity.standard_error
    assert subunits.file_rows.tolist() == list(range(N_PARTICLES))


def test_report_and_montage_show_the_images_of_the_view(relion_run):
    assert "States in the tomograms" in relion_run.files.report.read_text(encoding="utf-8")
    tilts = load_prepared(relion_run.files).tilts
    first, second = (tilts_shown(tilts, row) for row in (3, 4))
    np.testing.assert_allclose(first.angles_in_degrees, second.angles_in_degrees, atol=1e-3)
    np.testing.assert_array_equal(
        filtered_tilts(tilts, first.images, 1.0), filtered_tilts(tilts, second.images, 1.0)
    )


def test_maps_of_the_states_have_half_maps_of_whole_particles(relion_run):
    numbers = run_reconstruct(relion_run.files, ReconstructSettings(), Progress(io.StringIO()))
    assert numbers["states"] == 2
    assert numbers["half_sets_given"]


def test_chosen_views_train_again(relion_run, project):
    run = gem.open_run(relion_run.files.root)
    chosen = run.select("state == 2")
    chosen.write(project / "relion5" / "chosen.star")
    again = read(project / "relion5" / "chosen_optimisation_set.star")
    assert len(again) == len(chosen.rows) == int((relion_run.states().labels == 2).sum())
    assert again.n_particles < len(again)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS[1:])
def test_other_forms_too(project, tmp_path, form):
    assert rand_index(project, fitted(project, project / form, tmp_path / "run", symmetry=SYMMETRY)) > GOAL


@pytest.mark.slow
def test_and_files_that_were_expanded(project, tmp_path):
    star = expanded_file(project, RELION)
    run = fitted(project, star, tmp_path / "run", tomograms=project / "relion5" / "tomograms.star")
    assert rand_index(project, run) > GOAL
    assert run.subunits() is not None
