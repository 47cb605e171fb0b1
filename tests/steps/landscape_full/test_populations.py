"""landscape-full writes populations of its states and of Leiden communities: by the posteriors, or counted where there are none."""

import io
from pathlib import Path

import numpy as np
import pytest
from arm_model import arm_source, ring_latents
from small_star_run import write_run

from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.populations import StatePopulations
from gem_plugin.steps.landscape_full.job import FullLandscapeJob
from gem_plugin.steps.landscape_full.populations import write_full_populations
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings
from gem_plugin.steps.landscape_full.states import ParticleGroups

N = 300


@pytest.fixture
def job(tmp_path: Path) -> FullLandscapeJob:
    """300 particles on a ring; nothing of the landscape but its folder."""
    run, _ = write_run(tmp_path, N)
    files = run.landscape
    files.full.root.mkdir(parents=True)
    settings, progress = LandscapeFullSettings(), Progress(io.StringIO())
    source = arm_source(ring_latents(N))
    return FullLandscapeJob(source, None, files.full, run, settings, progress, None, files)  # type: ignore[arg-type]


def halves(job: FullLandscapeJob, axis: int) -> np.ndarray:
    return 1 + (job.source.latents[:, axis] > 0).astype(np.int64)


def give_uncertainty(run: RunFiles) -> None:
    np.save(run.latents_std, np.full((N, 2), 0.3, np.float32))


def test_both_divisions_have_intervals_by_the_posteriors(job: FullLandscapeJob) -> None:
    give_uncertainty(job.run)
    groups = ParticleGroups(halves(job, 0), halves(job, 1))
    write_full_populations(job, groups)
    for source, labels in (("full", groups.states), ("leiden", groups.leiden)):
        found = StatePopulations.load(job.landscape, source)
        assert found.by_posteriors
        np.testing.assert_allclose(found.counted, np.bincount(labels)[1:] / N, rtol=1e-5)
        assert (found.lower < found.counted).all()
        assert (found.counted < found.upper).all()
    assert not job.landscape.populations.exists(), "those of landscape are its own"


def test_without_uncertainty_the_words_say_counted(job: FullLandscapeJob) -> None:
    write_full_populations(job, ParticleGroups(halves(job, 0), None))
    found = StatePopulations.load(job.landscape, "full")
    assert not found.by_posteriors
    assert "Fractions are counted" in found.sentence
    assert not job.landscape.full.leiden_populations.exists()
