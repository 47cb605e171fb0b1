"""Columns of particles of tilt series: number of images, tomogram, position; what the latents should not follow."""

import numpy as np
import pytest
from tilt_projects import RELION, read
from tilt_run import make_tilt_run

from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.results.tilt_columns import tilt_numbers
from gem_plugin.steps.diagnose.particle_checks import quick_particle_checks
from gem_plugin.steps.simulate.tilt_truth import tilts_as_taken


@pytest.fixture
def run(tilt_project, tmp_path) -> Run:
    return Run(make_tilt_run(tilt_project, tmp_path / "run"))


def test_single_particles_have_none(tmp_path):
    assert tilt_numbers(RunFiles(tmp_path)) is None


def test_columns_say_tilts_tomogram_and_position(run, tilt_project):
    particles = read(tilt_project / RELION)
    assert run.column("tilt_images").tolist() == particles.image_counts.tolist()
    assert run.column("tomogram").tolist() == [int(name[-1]) for name in particles.tomograms]
    positions = np.stack([run.column(f"position_{axis}") for axis in "xyz"], axis=1)
    np.testing.assert_allclose(positions, particles.coordinates_in_angstroms, rtol=1e-5)
    assert {"tilt_images", "tomogram", "position_z"} <= set(run.columns)


def test_diagnose_asks_whether_latents_follow_tomogram_and_number_of_tilts(run):
    latents = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
    write_array(run.files.latents, latents)
    found = quick_particle_checks(Run(run.files), np.random.default_rng(0), Progress())
    names = {check.name for check in found}
    followed = (
        "tomogram",
        "number of tilt images",
        "mean dose of the tilt images",
        "mean tilt of the images",
    )
    assert {f"latents follow {name}" for name in followed} <= names


def test_mean_tilts_are_those_of_the_stage_and_mean_doses_those_of_the_images(run, tilt_project):
    """Tilts were simulated to within 0.5 degrees about x and 0.1 about y; doses are 3 electrons a tilt, from the lowest tilt on."""
    particles, numbers = read(tilt_project / RELION), tilt_numbers(run.files)
    doses, owners = particles.images.doses, particles.images.particle_indices
    order = tilts_as_taken(45.0, 3.0)[np.round(doses / 3).astype(int)]
    for row in range(len(particles)):
        assert numbers.mean_doses[row] == pytest.approx(doses[owners == row].mean(), rel=1e-5)
        assert numbers.mean_tilts_in_degrees[row] == pytest.approx(
            np.abs(order[owners == row]).mean(), abs=0.3
        )
