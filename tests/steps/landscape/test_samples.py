"""landscape --compare: tables, figures and verdict of two samples; what cannot be compared is refused before any work."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from arm_model import arm_source, ring_latents
from sampled_star_run import N_PARTICLES, sample_of_rows, write_sampled_run

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.results.sample_comparison import ComparedSamples
from gem_plugin.results.samples import Samples
from gem_plugin.results.stage_records import StageRecords
from gem_plugin.steps.landscape.job import LandscapeJob
from gem_plugin.steps.landscape.samples import samples_to_compare, write_sample_comparison
from gem_plugin.steps.landscape.settings import LandscapeSettings, check_landscape_settings
from gem_plugin.steps.landscape.step import map_landscape


def make_job(folder: Path, **settings: object) -> LandscapeJob:
    files = write_sampled_run(folder)
    files.landscape.root.mkdir(parents=True)
    np.save(files.latents_std, np.full((N_PARTICLES, 2), 0.3, np.float32))
    return LandscapeJob(
        arm_source(ring_latents(N_PARTICLES)),
        files.landscape,
        StageRecords(files.landscape.root),
        files,
        LandscapeSettings(**settings),
        Progress(io.StringIO()),
        Run(files).original,
    )


def compare(job: LandscapeJob, states: np.ndarray) -> tuple[ComparedSamples | None, list[str], str]:
    """What was found, the warnings, and what was said."""
    with listening(lambda notice: None) as heard:
        found = write_sample_comparison(job, samples_to_compare(job), states)
    return found, [one.sentence for one in heard], job.progress.stream.getvalue()


def states_that_differ() -> np.ndarray:
    """State 2 with 20 % of apo and 60 % of atp."""
    chance = np.where(sample_of_rows() == 1, 0.2, 0.6)
    return 1 + (np.random.default_rng(0).random(N_PARTICLES) < chance).astype(np.int64)


def test_states_that_differ_are_found_said_and_drawn(tmp_path: Path) -> None:
    job = make_job(tmp_path, compare="micrograph")
    job.run.latents_std.unlink()
    found, warnings, said = compare(job, states_that_differ())
    assert found is not None
    assert found.states_that_differ == [1, 2]
    assert found.drawn_by == "micrographs"
    assert "apo and atp differ in states 1 and 2" in said
    assert not warnings
    loaded = ComparedSamples.load(job.files)
    np.testing.assert_allclose(loaded.differences, found.differences, atol=1e-5)
    assert loaded.counted[0, 1] == pytest.approx(
        np.mean(states_that_differ()[sample_of_rows() == 1] == 2), abs=1e-5
    )
    assert Samples.load(job.files.samples, "").names == ("apo", "atp")
    assert sorted(path.name for path in job.figures.glob("*.png")) == [
        "landscape_samples.png",
        "landscape_samples_energy_1_2.png",
    ]
    with np.load(job.files.sample_energies) as energies:
        assert np.isfinite(energies["differences"]).any()


def test_equal_samples_are_called_so(tmp_path: Path) -> None:
    states = 1 + np.arange(N_PARTICLES) % 2
    _, warnings, said = compare(make_job(tmp_path, compare="micrograph"), states)
    assert "No difference between apo and atp was found" in said
    assert not warnings


def test_a_later_landscape_without_comparison_leaves_none_of_it(tmp_path: Path) -> None:
    job = make_job(tmp_path, compare="micrograph")
    compare(job, states_that_differ())
    later = dataclasses.replace(job, settings=LandscapeSettings())
    assert compare(later, states_that_differ())[0] is None
    files = job.files
    assert not any(
        path.exists()
        for path in (files.samples, files.sample_comparison, files.sample_populations, files.sample_energies)
    )
    assert not list(job.figures.glob("landscape_samples*"))


def test_samples_of_joined_files_are_compared_unless_none_is_asked_for(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    assert samples_to_compare(job) is None
    Samples("samples", ("A", "B"), sample_of_rows()).save(job.run.prepared_samples)
    found = samples_to_compare(job)
    assert found is not None
    assert found.names == ("A", "B")
    np.testing.assert_array_equal(found.numbers, sample_of_rows())
    assert Run(job.run).column("sample").tolist() == sample_of_rows().tolist()
    job = dataclasses.replace(job, settings=LandscapeSettings(compare="none"))
    assert samples_to_compare(job) is None


def test_without_enough_micrographs_particles_are_permuted_with_a_warning(tmp_path: Path) -> None:
    job = make_job(tmp_path, compare="micrograph")
    job.run.latents_std.unlink()
    star = tmp_path / "particles.star"
    text = star.read_text()
    for number in range(12):
        text = text.replace(f"_{number:03d}_x", f"_{number % 2}_x")
    star.write_text(text)
    job = dataclasses.replace(job, original=Run(job.run).original)
    found, warnings, _ = compare(job, states_that_differ())
    assert found is not None
    assert found.drawn_by == "particles"
    assert "fewer than five micrographs of a sample are known" in warnings[0]


def test_one_micrograph_that_decides_a_sample_is_warned_about(tmp_path: Path) -> None:
    job = make_job(tmp_path, compare="micrograph")
    job.run.latents_std.unlink()
    states = np.ones(N_PARTICLES, np.int64)
    states[:20] = 2  # the last micrograph of the file, of atp
    _, warnings, _ = compare(job, states)
    assert any("population in sample atp is from one micrograph" in one for one in warnings)


@pytest.mark.parametrize(
    ("compare_by", "message"),
    [
        ("rlnOpticsGroup", "has one value for all particles"),
        ("rlnDefocusAstigmatism", "240 different values"),
    ],
)
def test_columns_that_are_no_samples_stop_the_step_before_any_work(
    tmp_path: Path, compare_by: str, message: str
) -> None:
    job = make_job(tmp_path, compare=compare_by)
    with pytest.raises(InputError, match=message):
        map_landscape(job.source, job.files, job.run, job.settings, job.progress)
    assert not job.files.sketch_rows.exists()


def test_a_table_without_a_column_to_compare_is_refused() -> None:
    with pytest.raises(InputError, match="--compare-table has no effect without --compare"):
        check_landscape_settings(LandscapeSettings(compare_table=Path("own.csv")))


def test_the_whole_step_compares_and_counts_the_states_that_differ(tmp_path: Path) -> None:
    files: RunFiles = make_job(tmp_path).run
    settings = LandscapeSettings(
        sketch_size=30, n_states=3, skip_umap=True, pc_dim=4, plot_dim=0, compare="rlnClassNumber"
    )
    summary = map_landscape(
        arm_source(ring_latents(N_PARTICLES)), files.landscape, files, settings, Progress(io.StringIO())
    )
    assert summary["states_that_differ"] == len(ComparedSamples.load(files.landscape).states_that_differ)
    column = Run(files).particle_column("sample")
    assert column.label == "sample (1 1, 2 2; 0 none)"
