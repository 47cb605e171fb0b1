"""Poses of tilt series in a whole training: planted errors are found and written, right poses are left alone, maps use what was found."""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tilt_projects import RELION, changed_star, read, simulate_small, truth_of

import gem_plugin as gem
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.particles.tilt_series.table import TiltSeriesParticles
from gem_plugin.progress import Progress
from gem_plugin.results.refined_poses import prepared_in_refined_poses
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.train.step import run_train

N_PARTICLES, POSE_ERROR_IN_DEGREES, SHIFT_ERROR_IN_ANGSTROMS = 150, 4.0, 4.0  # about and along each axis
SMALL: dict[str, Any] = {
    "epochs": 4,
    "batch_size": 32,
    "anchors": 24,
    "encoder_width": 32,
    "encoder_box": 16,
    "n_basis": 6,
}


def prepared(folder: Path, pose_error: float, shift_error: float) -> tuple[Path, RunFiles]:
    """Particles of 3 to 11 tilts, ready to train."""
    project = simulate_small(
        folder / "project",
        n_particles=N_PARTICLES,
        snr=0.3,
        tilt_to=50.0,
        tilt_step=10.0,
        fewest_tilts=3,
        tilt_form="relion5",
        pose_error=pose_error,
    )
    if shift_error:
        generator = np.random.default_rng(3)
        with changed_star(project / "relion5/particles.star") as blocks:
            for axis in "XYZ":
                blocks["particles"][f"rlnOrigin{axis}Angst"] += generator.normal(0, shift_error, N_PARTICLES)
    run, quiet = RunFiles(project / "relion5" / "run"), Progress(io.StringIO())
    volume = project / "consensus.mrc"
    with listening(lambda notice: None):
        run_prepare(run, PrepareSettings(particles=project / RELION, map=volume), quiet)
    run_consensus(run, ConsensusSettings(map=volume, n_gaussians=300, fit_images=1000), quiet)
    return project, run


def errors(particles: TiltSeriesParticles, project: Path) -> tuple[float, float]:
    """Root mean square over the images: degrees, and Angstrom along each axis of the image."""
    truth, images = truth_of(project), particles.images
    between = truth["image_rotation_matrices"].transpose(0, 2, 1) @ images.rotation_matrices
    degrees = np.rad2deg(Rotation.from_matrix(between).magnitude())
    shifts = images.shifts_in_angstroms - truth["image_shifts_in_angstroms"]
    return float(np.sqrt((degrees**2).mean())), float(np.sqrt((shifts**2).mean()))


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunFiles]:
    return prepared(tmp_path_factory.mktemp("wrong"), POSE_ERROR_IN_DEGREES, SHIFT_ERROR_IN_ANGSTROMS)


@pytest.fixture(scope="module")
def refined(wrong: tuple[Path, RunFiles]) -> tuple[Path, RunFiles]:
    project, run = wrong
    copied = RunFiles(run.root.parent / "refined")
    shutil.copytree(run.root, copied.root)
    run_train(copied, TrainSettings(**SMALL), Progress(io.StringIO()))
    return project, copied


def test_the_written_particles_are_much_nearer_to_the_truth(refined):
    project, run = refined
    before = errors(read(project / RELION), project)
    written = run.refined_particles(".star")
    after = errors(read(written.with_name("particles_refined_optimisation_set.star")), project)
    assert before[0] > 6
    assert before[1] > 3.5
    assert after[0] < 0.25 * before[0]
    assert after[1] < 0.3 * before[1]


def test_the_prior_has_the_widths_of_the_errors(refined):
    poses = gem.open_run(refined[1].root).refined_poses
    assert poses.shifts_in_angstroms.shape == (N_PARTICLES, 3)
    assert poses.standard_deviations[0] == pytest.approx(POSE_ERROR_IN_DEGREES, rel=0.2)
    assert poses.standard_deviations[1] == pytest.approx(SHIFT_ERROR_IN_ANGSTROMS, rel=0.3)


def test_images_of_a_reconstruction_are_in_the_refined_poses(refined):
    run = refined[1]
    tilts = prepared_in_refined_poses(load_prepared(run), run).tilts
    written = read(run.root / "particles_refined_optimisation_set.star")
    np.testing.assert_allclose(
        tilts.particles.images.rotation_matrices, written.images.rotation_matrices, atol=1e-5
    )
    np.testing.assert_allclose(
        tilts.particles.images.shifts_in_angstroms, written.images.shifts_in_angstroms, atol=1e-3
    )


def test_a_training_that_was_stopped_ends_with_the_same_poses(wrong, refined, tmp_path):
    run = RunFiles(refined[1].root.parent / "stopped")
    shutil.copytree(wrong[1].root, run.root)

    class Stopped(Exception):
        pass

    def stop_in_the_second_epoch() -> None:
        if run.checkpoint.exists():
            raise Stopped

    with pytest.raises(Stopped):
        run_train(run, TrainSettings(**SMALL), Progress(io.StringIO(), check_stop=stop_in_the_second_epoch))
    run_train(run, TrainSettings(**SMALL, resume=True), Progress(io.StringIO()))
    one, two = (np.load(each.refined_poses) for each in (run, refined[1]))
    for name in ("rotation_vectors", "shifts_in_angstroms"):
        np.testing.assert_array_equal(one[name], two[name])


def test_right_poses_are_left_alone(tmp_path):
    run = prepared(tmp_path, 0.0, 0.0)[1]
    numbers = run_train(run, TrainSettings(**SMALL, refine_latents=True), Progress(io.StringIO()))
    assert np.isfinite(np.load(run.latents)).all()
    assert numbers["refinement_gain"] >= 0
    assert not run.refined_poses.exists()
    assert not run.refined_particles(".star").exists()
