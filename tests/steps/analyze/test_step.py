"""The analyze and eval-vol steps on a molecule whose conformations are known."""

import io
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from arm_model import arm_source, ring_latents

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.latents.components import fit_latent_components, trajectory_along_component
from gem_plugin.progress import Progress
from gem_plugin.results.decoder import MapGrid
from gem_plugin.results.run import Run
from gem_plugin.results.stage_records import StageRecords
from gem_plugin.steps.analyze.settings import AnalyzeSettings
from gem_plugin.steps.analyze.step import run_analyze
from gem_plugin.steps.eval_vol.settings import EvalVolSettings
from gem_plugin.steps.eval_vol.step import run_eval_vol
from gem_plugin.steps.landscape import latent_umap as latent_layout
from gem_plugin.steps.landscape.latent_umap import lay_out_latents


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFiles:
    """A run folder whose model is the molecule with one arm."""

    def open_arm(run: Run, grid: MapGrid):
        return arm_source(ring_latents(120), grid.largest_box_size or 24, grid.is_flipped)

    monkeypatch.setattr(Run, "decoder", open_arm)
    return RunFiles(tmp_path)


def read(path: Path) -> np.ndarray:
    with mrcfile.open(path) as handle:
        return np.array(handle.data)


def test_the_trajectory_that_is_written_is_the_one_that_is_decoded(run: RunFiles) -> None:
    """In GaussianEM the trajectory was computed and another array decoded."""
    run_analyze(run, AnalyzeSettings(ksample=4, pc=2, trajectory_points=5), Progress(io.StringIO()))
    for number in (1, 2):
        folder = run.analyze.component_folder(number)
        trajectory = np.loadtxt(folder / "z_values.txt").astype(np.float32)
        decoded = arm_source(ring_latents(120)).decode(trajectory)
        for step, volume in enumerate(decoded, start=1):
            np.testing.assert_allclose(read(folder / f"vol_{step:03d}.mrc"), volume, atol=1e-5)


def test_trajectory_runs_along_its_component_between_the_percentiles() -> None:
    latents = ring_latents(500) * np.array([3, 1], np.float32)
    components = fit_latent_components(latents)
    assert abs(components.axes[0, 0]) > 0.99
    line = trajectory_along_component(components, 0, 7, (5, 95))
    scores = (line - components.mean) @ components.axes.T
    np.testing.assert_allclose(scores[[0, -1], 0], np.percentile(components.scores[:, 0], [5, 95]), rtol=1e-5)
    np.testing.assert_allclose(scores[:, 1], 0, atol=1e-5)


def test_kmeans_maps_are_maps_of_particles(run: RunFiles) -> None:
    numbers = run_analyze(run, AnalyzeSettings(ksample=4, pc=0, skip_umap=True), Progress(io.StringIO()))
    folder = run.analyze.root / "kmeans4"
    rows = np.loadtxt(folder / "centers_ind.txt", dtype=int)
    np.testing.assert_allclose(np.loadtxt(folder / "centers.txt"), ring_latents(120)[rows], rtol=1e-6)
    expected = list(arm_source(ring_latents(120)).decode(ring_latents(120)[rows]))
    np.testing.assert_allclose(read(folder / "vol_004.mrc"), expected[3], atol=1e-6)
    labels = np.load(folder / "labels.npy")
    assert set(labels) == {1, 2, 3, 4}
    np.testing.assert_array_equal(labels[rows], [1, 2, 3, 4])
    assert numbers["kmeans_maps"] == 4
    assert not (run.analyze.umap).exists()


def test_umap_and_figures_are_written_and_the_umap_is_reproducible(run: RunFiles) -> None:
    settings = AnalyzeSettings(ksample=4, pc=1, skip_vol=True)
    run_analyze(run, settings, Progress(io.StringIO()))
    first = np.load(run.analyze.umap)
    assert first.shape == (120, 2)
    for name in ("latents_explained_variance", "latents_pca", "latents_umap"):
        assert (run.figures / f"{name}.png").is_file()
        assert (run.figures / f"{name}.pdf").is_file()
    assert not list(run.analyze.root.glob("*/vol_*.mrc"))
    (run.analyze.umap).unlink()
    run_analyze(run, settings, Progress(io.StringIO()))
    np.testing.assert_array_equal(np.load(run.analyze.umap), first)


def test_the_landscape_takes_the_umap_of_the_same_latents(run: RunFiles, monkeypatch) -> None:
    run_analyze(run, AnalyzeSettings(ksample=4, pc=0, skip_vol=True), Progress(io.StringIO()))
    monkeypatch.setattr(latent_layout, "umap_embedding", lambda *_, **__: pytest.fail("made again"))
    latents, made = ring_latents(120), run.analyze.umap
    copied, records = run.root / "elsewhere" / "umap.npy", StageRecords(run.root / "elsewhere")
    layout = lay_out_latents(copied, records, latents, 0, Progress(io.StringIO()), made)
    np.testing.assert_array_equal(layout, np.load(made))
    np.testing.assert_array_equal(layout, np.load(copied))
    with pytest.raises(pytest.fail.Exception, match="made again"):
        lay_out_latents(copied, records, latents + 1, 0, Progress(io.StringIO()), made)


def test_eval_vol_writes_the_wanted_particles_in_order(run: RunFiles, tmp_path: Path) -> None:
    rows = tmp_path / "rows.txt"
    rows.write_text("7\n3\n7\n")
    out = tmp_path / "maps"
    assert run_eval_vol(run, EvalVolSettings(particles=rows, out=out), Progress(io.StringIO()))["maps"] == 3
    expected = list(arm_source(ring_latents(120)).decode(ring_latents(120)[[7, 3, 7]]))
    for number in range(3):
        np.testing.assert_allclose(read(out / f"vol_{number:03d}.mrc"), expected[number], atol=1e-6)


def test_eval_vol_decodes_given_latents_in_a_given_box(run: RunFiles, tmp_path: Path) -> None:
    values = tmp_path / "z.txt"
    values.write_text("1 0\n0 1\n")
    run_eval_vol(run, EvalVolSettings(z_values=values, downsample=16), Progress(io.StringIO()))
    assert read(run.root / "volumes" / "vol_001.mrc").shape == (16, 16, 16)


def test_eval_vol_says_what_is_wrong_with_its_input(run: RunFiles, tmp_path: Path) -> None:
    quiet = Progress(io.StringIO())
    text = tmp_path / "rows.txt"
    with pytest.raises(InputError, match="either --particles or --z-values"):
        run_eval_vol(run, EvalVolSettings(), quiet)
    text.write_text("3\n120\n")
    with pytest.raises(InputError, match="entry 2 is 120; the run has 120 particles"):
        run_eval_vol(run, EvalVolSettings(particles=text), quiet)
    text.write_text("1 0 0\n")
    with pytest.raises(InputError, match="expected 2 numbers per line"):
        run_eval_vol(run, EvalVolSettings(z_values=text), quiet)
    text.write_text("1 0\n1 x\n")
    with pytest.raises(InputError, match="line 2: expected 2 numbers"):
        run_eval_vol(run, EvalVolSettings(z_values=text), quiet)
