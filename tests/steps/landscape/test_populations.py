"""landscape writes populations.csv: with the posteriors where the model has them, of the particles that count."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from arm_model import arm_source, ring_latents
from small_star_run import write_run

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.run.outliers import write_outliers
from gem_plugin.notices import listening
from gem_plugin.progress import Progress
from gem_plugin.results.populations import StatePopulations
from gem_plugin.results.stage_records import StageRecords
from gem_plugin.steps.landscape import populations
from gem_plugin.steps.landscape.job import LandscapeJob
from gem_plugin.steps.landscape.populations import write_populations
from gem_plugin.steps.landscape.settings import LandscapeSettings

N = 300


@pytest.fixture
def job(tmp_path: Path) -> LandscapeJob:
    """300 particles on a ring in one stack, without micrographs."""
    files, _ = write_run(tmp_path, N)
    landscape = LandscapeFiles(files.landscape.root)
    landscape.root.mkdir(parents=True)
    source = arm_source(ring_latents(N))
    progress = Progress(io.StringIO())
    return LandscapeJob(
        source, landscape, StageRecords(landscape.root), files, LandscapeSettings(), progress, None
    )


def states_of(job: LandscapeJob) -> np.ndarray:
    return 1 + (job.source.latents[:, 0] > 0).astype(np.int64)


def give_uncertainty(run: RunFiles) -> None:
    np.save(run.latents_std, np.full((N, 2), 0.3, np.float32))


def test_without_uncertainty_they_are_counted(job: LandscapeJob) -> None:
    states = states_of(job)
    write_populations(job, states)
    found = StatePopulations.load(job.files)
    assert not found.by_posteriors
    np.testing.assert_allclose(found.fractions, np.bincount(states)[1:] / N, atol=1e-4)


def test_with_uncertainty_the_posteriors_decide(job: LandscapeJob) -> None:
    give_uncertainty(job.run)
    write_populations(job, states_of(job))
    found = StatePopulations.load(job.files)
    assert found.by_posteriors
    assert found.drawn_by == "particles"
    assert (found.lower < 0.5).all()
    assert (found.upper > 0.5).all()


def test_very_many_states_are_counted_and_that_is_said(
    job: LandscapeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_uncertainty(job.run)
    states = 1 + np.arange(N, dtype=np.int64) % 3
    monkeypatch.setattr(populations, "MAXIMUM_FITTED_STATES", 3)
    with listening(lambda notice: None) as heard:
        write_populations(job, states)
    assert StatePopulations.load(job.files).by_posteriors
    assert heard == []
    monkeypatch.setattr(populations, "MAXIMUM_FITTED_STATES", 2)
    with listening(lambda notice: None) as heard:
        write_populations(job, states)
    found = StatePopulations.load(job.files)
    assert not found.by_posteriors
    np.testing.assert_allclose(found.fractions, 1 / 3, atol=1e-4)
    assert [one.sentence.split(":")[0] for one in heard] == ["The populations of 3 states are counted"]


def test_outliers_and_particles_without_a_state_are_in_none(job: LandscapeJob) -> None:
    states = states_of(job)
    outliers = (np.arange(N) < 100) & (states == 2)
    write_outliers(job.run, outliers.astype(np.float32))
    states[200:220] = 0
    found = write_populations(job, states)
    left = states[~outliers & (states > 0)]
    np.testing.assert_allclose(found.counted, np.bincount(left)[1:] / len(left), rtol=1e-6)


def test_the_same_seed_gives_the_same_numbers(job: LandscapeJob) -> None:
    give_uncertainty(job.run)
    first, second = (write_populations(job, states_of(job)) for _ in range(2))
    np.testing.assert_array_equal(first.lower, second.lower)


def test_one_micrograph_that_decides_is_warned_about(job: LandscapeJob) -> None:
    original = SimpleNamespace(micrographs=np.minimum(np.arange(N) // 20, 12))
    object.__setattr__(job, "original", original)
    with listening(lambda notice: None) as heard:
        write_populations(job, 1 + (np.arange(N) >= 240).astype(np.int64))
    assert any("of a state's population is from one micrograph" in notice.sentence for notice in heard)
