"""A whole run on simulated tilt series: latents follow the motion whatever the number of tilts, and particles go back with their files."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import starfile
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from tilt_projects import RELION, read, simulate_small, truth_of

import gem_plugin as gem
from gem_plugin.adapters.earlier_job import link_earlier_results
from gem_plugin.errors import InputError
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.project_folder import ImageSearch
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.decoder import MapGrid
from gem_plugin.results.run import Run
from gem_plugin.results.state_positions import StatePositions
from gem_plugin.steps.reconstruct.settings import ReconstructSettings
from gem_plugin.steps.reconstruct.step import run_reconstruct

N_PARTICLES = 200
SHORT: dict[str, Any] = {
    "box": 32,
    "epochs": 20,
    "sketch_size": 40,
    "ksample": 5,
    "pc": 1,
    "skip_umap": True,
    "n_gaussians": 300,
    "fit_images": 3000,
    "anchors": 128,
    "n_states": 3,
    "plot_dim": 0,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A turning arm in 11 tilts, of which particles have 3 to all."""
    changes = {
        "n_particles": N_PARTICLES,
        "conformations": 20,
        "turn_to": 180.0,
        "snr": 0.1,
        "tilt_to": 50.0,
        "tilt_step": 10.0,
        "fewest_tilts": 3,
    }
    return simulate_small(tmp_path_factory.mktemp("arm") / "project", **changes)


def fitted(project: Path, form: str, folder: Path, **settings: Any) -> RunFiles:
    consensus = project / "consensus.mrc"
    gem.fit(
        project / form,
        map=consensus,
        out=folder,
        show_progress=False,
        **{**SHORT, **settings},
    )
    return RunFiles(folder)


def angle_errors(run: RunFiles, project: Path) -> np.ndarray:  # (n,) degrees
    """Of the angle of each particle, predicted from the latents of others."""
    truth, latents = truth_of(project), Run(run).latents
    angles = np.deg2rad(truth["angles_in_degrees"][truth["which"]])
    on_circle = np.stack([np.cos(angles), np.sin(angles)], 1)
    found = cross_val_predict(KNeighborsRegressor(7), latents, on_circle, cv=10)
    differences = np.rad2deg(np.arctan2(found[:, 1], found[:, 0]) - angles)
    return np.abs((differences + 180) % 360 - 180)


@pytest.fixture(scope="module")
def relion_run(project: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    return fitted(project, RELION, tmp_path_factory.mktemp("relion") / "run")


def test_latents_follow_the_motion_whatever_the_number_of_tilts(relion_run, project):
    errors, counts = angle_errors(relion_run, project), read(project / RELION).image_counts
    assert counts.min() == 3
    assert counts.max() == 11
    for some in (errors[counts <= 5], errors[counts >= 9]):
        assert np.median(some) < 20  # 45 without a latent: angles are even over half a turn


def test_latents_follow_the_number_of_tilts_only_by_the_pull_of_the_prior(relion_run, project):
    """The mean of a posterior of variance s^2 is (1 - s^2) times that of the likelihood: nearer to 0 with fewer images.

    So latents themselves do tell how many tilts a particle has (R^2 of 0.05 and 0.25 in two trainings). Without that pull they must
    not: 0.005 and 0.043 there, 95 % of shuffled numbers are below 0.05.
    """
    latents, deviations = Run(relion_run).latents, Run(relion_run).latents_std
    counts = read(project / RELION).image_counts
    active = (deviations**2).mean(axis=0) < 0.8
    assert active.sum() >= 2
    pull = 1 - deviations[:, active] ** 2
    few, many = counts <= 5, counts >= 9
    assert pull[few].mean() < pull[many].mean()
    columns = np.column_stack([np.ones(len(counts)), latents[:, active] / pull])
    found = columns @ np.linalg.lstsq(columns, counts, rcond=None)[0]
    assert found.var() / counts.var() < 0.1


def test_the_run_writes_its_particles_with_latents_and_an_optimisation_set(relion_run, project):
    written = read(relion_run.root / "optimisation_set.star", search=_search(project))
    assert written.names.tolist() == read(project / RELION).names.tolist()
    run = Run(relion_run)
    np.testing.assert_allclose(run.original.column("rlnRandomSubset"), run.particles.half_sets)
    assert len(run.states().labels) == N_PARTICLES


def test_the_run_says_where_the_states_are_in_the_tomograms(relion_run):
    files = relion_run.landscape.positions
    table = starfile.read(files.star)
    assert table["rlnClassNumber"].tolist() == Run(relion_run).states().labels.tolist()
    assert StatePositions.load(files).numbers.n_tomograms == len(set(table["rlnTomoName"]))
    text = relion_run.report.read_text(encoding="utf-8")
    assert "<h2>States in the tomograms</h2>" in text
    assert "States in a tomogram." in text


def test_chosen_particles_keep_their_tilt_images(relion_run, project, tmp_path):
    run = gem.open_run(relion_run.root)
    chosen = run.select("latent_1 > 0")
    chosen.write(project / "relion5" / "chosen.star")
    again = read(project / "relion5" / "chosen_optimisation_set.star")
    assert again.names.tolist() == read(project / RELION).names[chosen.rows].tolist()


def test_a_job_on_the_results_of_an_earlier_one_has_its_tilt_images(relion_run, tmp_path):
    later = RunFiles(tmp_path / "later")
    link_earlier_results(relion_run, later, ("landscape",))
    prepared = Run(later).images()
    assert prepared.tilts is not None
    assert len(prepared.tilts.images) == len(prepared.tilts.particles.images)


def test_maps_of_the_states_come_from_all_tilt_images(relion_run, project):
    numbers = run_reconstruct(relion_run, ReconstructSettings(), Progress(io.StringIO()))
    assert numbers["states"] == 3
    assert numbers["half_sets_given"]
    volume, pixel_size = read_map(relion_run.reconstruct.final_map("all"))
    consensus, _ = read_map(project / "consensus.mrc")
    assert pixel_size == pytest.approx(8.0)
    assert np.corrcoef(volume.ravel(), consensus.ravel())[0, 1] > 0.9


def test_with_the_motion_undone_in_every_tilt_the_arm_is_that_of_the_conformation_shown(relion_run):
    settings = ReconstructSettings(deformed=True, parts=4)
    numbers = run_reconstruct(relion_run, settings, Progress(io.StringIO()))
    run = Run(relion_run)
    row = numbers["conformation_of_particle"]
    model = next(iter(run.decoder(MapGrid()).decode(run.latents[row : row + 1])))
    mobile = read_map(relion_run.root / "reconstruct" / "moving_region_mask.mrc").volume > 0.5
    likeness = {
        name: np.corrcoef(
            read_map(relion_run.root / f"reconstruct/{name}.mrc").volume[mobile], model[mobile]
        )[0, 1]
        for name in ("deformed", "undeformed")
    }
    assert 1 - likeness["deformed"] < 0.6 * (1 - likeness["undeformed"])


def test_what_training_cannot_do_is_refused_before_the_run(project, tmp_path):
    with pytest.raises(InputError, match="tilt series need the squared loss"):
        fitted(project, RELION, tmp_path / "refused", loss="absolute")
    assert not (tmp_path / "refused" / "prepared").exists()


def _search(project: Path) -> ImageSearch:
    return ImageSearch(project_folder=project / "relion5")
