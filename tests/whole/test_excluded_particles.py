"""A run on a set with a few particles that cannot be used: it goes on, and they are in no state and no population."""

import csv
import io
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile

import gem_plugin as gem
from gem_plugin.adapters.earlier_job import link_earlier_results
from gem_plugin.errors import InputError
from gem_plugin.io.run.excluded import ExcludedParticles, read_excluded, used_particles, write_excluded
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.particle_file import open_particle_file
from gem_plugin.results.run import Run
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

pytestmark = pytest.mark.filterwarnings("ignore:.*rlnRandomSubset is left out:UserWarning")  # tiny states

N_PARTICLES = 160
BAD = {4: np.nan, 17: 1e7, 30: 0.0}  # row -> what a pixel holds, or all of them
BAD_SCALES = {55: 0.0, 90: -1.0}
ROWS = [4, 17, 30, 55, 90]
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
    "plot_dim": 0,
    "refine_latents": True,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated particles, five of them spoilt."""
    folder = tmp_path_factory.mktemp("excluded")
    settings = SimulateSettings(
        out=folder / "data", n_particles=N_PARTICLES, box=24, pixel_size=11.0, snr=0.3
    )
    run_simulate(settings, Progress(io.StringIO()))
    original = open_particle_file(folder / "data" / "particles.star")
    table = original.read_table()
    paths = original.find_images(table).paths
    for row, value in BAD.items():
        with mrcfile.open(paths[table.stack_names[row]], "r+") as stack:
            stack.data[table.slice_indices[row], :, :] *= value == value and value != 0
            stack.data[table.slice_indices[row], 12, 12] = value
    scales = np.ones(N_PARTICLES)
    scales[list(BAD_SCALES)] = list(BAD_SCALES.values())
    original.write(folder / "particles.star", None, {"_rlnCtfScalefactor": scales})
    return folder


@pytest.fixture(scope="module")
def run(project: Path) -> gem.Run:
    with pytest.warns(gem.GemWarning, match="5 of 160 particles are left out of training"):
        run = gem.fit(
            project / "particles.star",
            map=project / "data" / "consensus.mrc",
            out=project / "RUN",
            show_progress=False,
            project_folder=project / "data",
            **SHORT,
        )
    run.landscape_full(n_states=2, skip_umap=True, bootstrap=5)
    return run


def test_the_list_has_row_image_and_reason(run: gem.Run, project: Path) -> None:
    assert run.excluded.tolist() == ROWS
    with open(project / "RUN" / "excluded.csv", newline="") as handle:
        lines = list(csv.DictReader(handle))
    names = starfile.read(project / "particles.star")["particles"]["rlnImageName"]
    assert [line["image"] for line in lines] == [names[row] for row in ROWS]
    words = ["not all numbers", "hot pixel", "constant", "is 0, expected", "is -1, expected"]
    assert all(word in line["reason"] for word, line in zip(words, lines, strict=True))


def test_they_are_in_no_state_and_all_others_are(run: gem.Run) -> None:
    for source in ("sketch", "full"):
        states = run.states(source)
        assert np.flatnonzero(states.labels == 0).tolist() == ROWS
        assert sum(states.counts.values()) == N_PARTICLES - len(ROWS)
    assert sum(int(row["particles"]) for row in run.states().table) == N_PARTICLES - len(ROWS)


def test_what_is_learned_is_made_of_numbers(run: gem.Run) -> None:
    assert np.isfinite(run.latents).all()
    assert np.isfinite(run.latents_std).all()
    assert np.isfinite(run.column("contrast")).all()
    assert run.summary("train")["skipped_steps"] == 0
    assert run.summary("prepare")["excluded_particles"] == len(ROWS)


def test_no_selection_has_them_unless_they_are_listed(run: gem.Run, tmp_path: Path) -> None:
    chosen = [
        run.select(states=[1, 2]),
        run.select(states=[1], exclude=True),
        run.select("state != 1"),
        run.select("latent_1 > -1e9"),
    ]
    assert all(not set(ROWS) & set(one.rows.tolist()) for one in chosen)
    assert len(chosen[3]) == N_PARTICLES - len(ROWS)
    (tmp_path / "rows.txt").write_text("4\n5\n")
    assert run.select(rows=tmp_path / "rows.txt").rows.tolist() == [4, 5]


def test_what_is_written_back_has_all_rows_in_order(run: gem.Run, project: Path, tmp_path: Path) -> None:
    written = starfile.read(run.write(tmp_path / "all.star"))["particles"]
    before = starfile.read(project / "particles.star")["particles"]
    assert written["rlnImageName"].tolist() == before["rlnImageName"].tolist()


def test_maps_are_reconstructed_without_them(run: gem.Run) -> None:
    maps = run.reconstruct()
    assert maps["all"]["particles"] == N_PARTICLES - len(ROWS)
    counts = run.states().counts
    assert all(maps[f"state_{number:03d}"]["particles"] == counts[number] for number in counts)


def test_the_report_says_how_many_and_why(run: gem.Run) -> None:
    page = Run(run.folder).files.report.read_text()
    assert "5 of 160 particles are left out of training, states and populations" in page


def test_a_job_that_goes_on_has_the_list_too(run: gem.Run, tmp_path: Path) -> None:
    job = RunFiles(tmp_path / "job")
    link_earlier_results(RunFiles(run.folder), job, ["landscape"])
    assert read_excluded(job).rows.tolist() == ROWS


def test_a_damaged_list_is_refused(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    write_excluded(run, ExcludedParticles(np.array([7]), ["name"], ["bad"]))
    with pytest.raises(InputError, match=r"excluded\.csv names row 7; the run has 5 particles"):
        used_particles(run, 5)
    run.excluded.write_text("row,image\nx,y\n")
    with pytest.raises(InputError, match=r"excluded\.csv is damaged"):
        read_excluded(run)
