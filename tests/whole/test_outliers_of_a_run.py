"""A run in which training found outliers: they are in no state, population or map, and can be seen, selected and counted."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import starfile

import gem_plugin as gem
from gem_plugin.adapters.earlier_job import link_earlier_results
from gem_plugin.adapters.relion.run_nodes import nodes_of_run
from gem_plugin.errors import InputError
from gem_plugin.explorer.molecules import Molecules
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.outliers import is_outlier, write_outliers
from gem_plugin.io.run.refined_poses import RefinedPoses, read_refined_poses, write_refined_poses
from gem_plugin.landscape.checks.known_checks import checks_run
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.results.refined_poses import with_refined_poses
from gem_plugin.results.run import Run
from gem_plugin.results.written_particles import write_refined_particles
from gem_plugin.steps.diagnose.settings import DiagnoseSettings
from gem_plugin.steps.diagnose.step import run_diagnose
from gem_plugin.steps.reconstruct.settings import ReconstructSettings
from gem_plugin.steps.reconstruct.step import run_reconstruct
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

N_PARTICLES = 160
OUTLIERS = list(range(3, 160, 7))  # 23 of them, of both half-sets
FRACTION = "23 of 160 particles (14.4 %) look like noise or lie elsewhere; they are in no state."
SHORT = {
    "n_gaussians": 60,
    "fit_images": 64,
    "epochs": 2,
    "batch_size": 16,
    "anchors": 16,
    "encoder_box": 16,
    "n_basis": 4,
    "ksample": 5,
    "pc": 1,
    "skip_umap": True,
    "sketch_size": 20,
    "n_states": 2,
    "linkage": "ward",
    "plot_dim": 0,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> gem.Run:
    """Trained, then given outliers and refined poses as training leaves them; all later steps made after that."""
    folder = tmp_path_factory.mktemp("outliers")
    settings = SimulateSettings(
        out=folder / "data", n_particles=N_PARTICLES, box=24, pixel_size=11.0, snr=0.3
    )
    run_simulate(settings, Progress(io.StringIO()))
    star, volume = folder / "data" / "particles.star", folder / "data" / "consensus.mrc"
    run = gem.fit(star, map=volume, out=folder / "RUN", show_progress=False, **SHORT)
    files = RunFiles(folder / "RUN")
    groups = np.arange(N_PARTICLES) // 2 % 2  # two states, each with particles of both half-sets
    latents = np.random.default_rng(1).normal(0, 0.1, run.latents.shape) + 2.0 * groups[:, None] - 1
    write_array(files.latents, latents.astype(np.float32))
    probabilities = np.full(N_PARTICLES, 0.02, np.float32)
    probabilities[OUTLIERS] = 0.97
    write_outliers(files, probabilities)
    vectors = np.full((N_PARTICLES, 3), 0.02, np.float32)
    vectors[OUTLIERS[0]] = 0.5
    write_refined_poses(
        files,
        RefinedPoses(
            vectors,
            np.ones((N_PARTICLES, 2), np.float32),
            np.arange(N_PARTICLES) == OUTLIERS[0],
            np.array([1.5, 1.0]),
        ),
    )
    write_refined_particles(files)
    for step, values in (
        ("analyze", {"ksample": 5, "pc": 1, "skip_umap": True, "skip_vol": True}),
        (
            "landscape",
            {"sketch_size": 20, "n_states": 2, "linkage": "ward", "skip_umap": True, "plot_dim": 0},
        ),
        ("landscape-full", {"n_states": 2, "skip_umap": True, "bootstrap": 5}),
        ("reconstruct", {}),
        ("report", {}),
    ):
        run.run_step(step, **values)
    return run


def log_of(run: gem.Run) -> str:
    return RunFiles(run.folder).log.read_text()


def test_they_are_in_no_state_and_all_others_are(run: gem.Run) -> None:
    for source in ("sketch", "full"):
        states = run.states(source)
        assert np.flatnonzero(states.labels == 0).tolist() == OUTLIERS
        assert sum(states.counts.values()) == N_PARTICLES - len(OUTLIERS)
    assert not set(OUTLIERS) & set(Run(run.folder).sketch().rows.tolist())
    assert np.flatnonzero(run.column("kmeans5") == 0).tolist() == OUTLIERS
    assert log_of(run).count(FRACTION) >= 3  # landscape, landscape-full, reconstruct


def test_files_of_states_do_not_hold_them_and_files_of_all_do(run: gem.Run) -> None:
    names = starfile.read(run.original.path, always_dict=True)["particles"]["rlnImageName"].to_numpy()
    written = [
        starfile.read(path, always_dict=True)["particles"]["rlnImageName"].tolist()
        for path in sorted((run.folder / "landscape" / "states").glob("state_*.star"))
    ]
    in_states = [name for of_state in written for name in of_state]
    assert sorted(in_states) == sorted(np.delete(names, OUTLIERS).tolist())
    all_rows = starfile.read(run.folder / "particles_refined.star", always_dict=True)["particles"]
    assert all_rows["rlnImageName"].tolist() == names.tolist()


def test_they_can_be_selected_and_left_out(run: gem.Run) -> None:
    assert run.select("outlier > 0.5").rows.tolist() == OUTLIERS
    assert run.select("state == 0").rows.tolist() == OUTLIERS
    assert not set(OUTLIERS) & set(run.select(states=[1, 2]).rows.tolist())
    assert len(run.select("outlier le 0.5").rows) == N_PARTICLES - len(OUTLIERS)
    assert len(run.select("row >= 0").rows) == N_PARTICLES
    assert run.outliers[OUTLIERS].min() > 0.9


def test_select_says_how_many_of_the_chosen_are_outliers(run: gem.Run, tmp_path: Path) -> None:
    run.run_step("select", where=["row lt 20"], out=tmp_path / "chosen.star")
    assert "3 of the 20 chosen particles are outliers (column outlier above 0.5)" in log_of(run)


def test_maps_are_reconstructed_without_them_in_the_refined_poses(run: gem.Run) -> None:
    maps = Run(run.folder).reconstructed_maps()
    assert maps["all"]["particles"] == N_PARTICLES - len(OUTLIERS)
    assert "Poses refined in training are used (--given-poses: those of the input)" in log_of(run)
    refined = (run.folder / "reconstruct" / "all.mrc").read_bytes()
    run_reconstruct(RunFiles(run.folder), ReconstructSettings(given_poses=True), Progress(io.StringIO()))
    assert (run.folder / "reconstruct" / "all.mrc").read_bytes() != refined


def test_states_that_the_user_gives_may_hold_outliers(run: gem.Run, tmp_path: Path) -> None:
    states = np.ones(N_PARTICLES, dtype=np.int64)
    states[OUTLIERS] = 2
    np.save(tmp_path / "states.npy", states)
    settings = ReconstructSettings(particle_states=tmp_path / "states.npy")
    run_reconstruct(RunFiles(run.folder), settings, Progress(io.StringIO()))
    maps = Run(run.folder).reconstructed_maps()
    assert maps["state_002"]["particles"] == len(OUTLIERS)
    assert maps["all"]["particles"] == N_PARTICLES


def test_images_beside_the_molecule_are_in_the_refined_poses(run: gem.Run) -> None:
    files = RunFiles(run.folder)
    table = Molecules(files, run.decoder())._prepared_data().table
    given = load_prepared(files).table
    np.testing.assert_array_equal(table.rotation_matrices, with_refined_poses(given, files).rotation_matrices)
    assert not np.allclose(table.rotation_matrices, given.rotation_matrices, atol=1e-3)


def test_the_report_has_examples_of_both_ends_and_the_figures(run: gem.Run) -> None:
    page = (run.folder / "report.html").read_text()
    assert page.count(FRACTION) == 2  # summary, chapter
    start = page.index('<section id="outliers">')
    chapter = page[start : page.index("</section>", start)]
    shown = [int(text.split(",")[0]) for text in chapter.split("<figcaption>row ")[1:]]
    assert len(shown) == 12
    assert set(shown[:6]) <= set(OUTLIERS)
    assert not set(shown[6:]) & set(OUTLIERS)
    assert "1.5 degrees about each axis and 1.0 Å along each" in chapter
    assert "1 of 160 particles (0.6%) moved by more than three of these, 1 of them to the limit" in chapter
    for name in ("outliers_of_training", "pose_changes_of_training"):
        assert (run.folder / "figures" / f"{name}.pdf").is_file()


def test_diagnose_has_the_checks(run: gem.Run) -> None:
    run_diagnose(RunFiles(run.folder), DiagnoseSettings(), Progress(io.StringIO()))
    rows = json.loads((run.folder / "diagnostics.json").read_text())["diagnostics"]
    found = {row["name"]: row for row in rows}
    assert found["many junk particles"]["value"] == round(len(OUTLIERS) / N_PARTICLES, 5)
    assert found["many junk particles"]["verdict"] == "good"
    assert found["poses far off"]["value"] == round(1 / N_PARTICLES, 5)
    assert {"many junk particles", "poses far off"} <= {check.title for check in checks_run(rows)[0]}


def test_a_job_that_goes_on_has_the_files_too(run: gem.Run, tmp_path: Path) -> None:
    job = RunFiles(tmp_path / "job")
    link_earlier_results(RunFiles(run.folder), job, ["landscape"])
    assert np.flatnonzero(is_outlier(job, N_PARTICLES)).tolist() == OUTLIERS
    assert read_refined_poses(job, N_PARTICLES) is not None
    nodes = [node.file for node in nodes_of_run(RunFiles(run.folder))]
    assert nodes[:2] == ["particles.star", "particles_refined.star"]


def test_all_particles_outliers_are_refused_before_any_work(run: gem.Run) -> None:
    files = RunFiles(run.folder)
    before = np.load(files.outliers)
    try:
        write_outliers(files, np.ones(N_PARTICLES))
        for step in ("landscape", "analyze", "reconstruct", "landscape-full"):
            with pytest.raises(
                InputError, match=r"All 160 particles of .* look like outliers .*--no-outliers"
            ):
                run.run_step(step)
        run.run_step("report")  # shows them, with the examples
    finally:
        write_outliers(files, before)
