"""Poses that training refined: in tables, in views of expanded particles, in subsets, and in maps that RELION makes."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from refined_runs import leave_changes, poses_expected
from relion_projects import RelionProject
from scipy.spatial.transform import Rotation
from symmetric_project import prepared_run, run_of_cryosparc_views, run_of_star_views

import gem_plugin as gem
from gem_plugin.errors import InputError
from gem_plugin.imaging.fourier import fourier_shell_correlation
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.refined_poses import RefinedPoses, write_refined_poses
from gem_plugin.notices import listening
from gem_plugin.particles.from_relion import ANGLES, ORIGINS_IN_ANGSTROMS
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.progress import Progress
from gem_plugin.results.particle_file import open_particle_file, read_particles
from gem_plugin.results.refined_poses import with_refined_poses
from gem_plugin.results.run import Run
from gem_plugin.results.written_particles import write_refined_particles
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import run_select
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate
from gem_plugin.steps.write_star.settings import WriteStarSettings
from gem_plugin.steps.write_star.step import run_write_star


def small_run(folder: Path, magnification: dict[str, str] | None = None) -> Run:
    project = RelionProject(folder / "project")
    project.optics[0] |= magnification or {}
    project.write()
    return prepared_run(project.folder / "run", particles=project.star, map=project.map, box=16)


def test_the_table_has_the_refined_poses_and_nothing_else_changes(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    assert with_refined_poses(run.particles, run.files) is run.particles
    poses = leave_changes(run.files, len(run.particles))
    table = with_refined_poses(run.particles, run.files)
    rotations, shifts = poses_expected(run.particles, poses)
    np.testing.assert_allclose(table.rotation_matrices, rotations, atol=1e-6)
    np.testing.assert_allclose(table.shifts_in_angstroms, shifts, atol=1e-5)
    assert table.rotation_matrices.dtype == np.float32
    assert table.image_names is run.particles.image_names


def test_views_through_a_magnification_rotate_with_the_molecule(tmp_path: Path) -> None:
    """A point of the molecule is rotated first, then seen through the given view, magnification included."""
    run = small_run(
        tmp_path,
        {
            f"_rlnMagMat{index}": text
            for index, text in zip(("00", "01", "10", "11"), ("1.02", "0.01", "0", "0.98"))
        },
    )
    poses = leave_changes(run.files, len(run.particles))
    exponentials = Rotation.from_rotvec(poses.rotation_vectors.astype(np.float64)).as_matrix()
    views = with_refined_poses(run.particles, run.files).view_matrices
    assert not np.allclose(run.particles.view_matrices, run.particles.rotation_matrices, atol=1e-3)
    np.testing.assert_allclose(views, run.particles.view_matrices @ exponentials, atol=1e-6)


@pytest.mark.parametrize("kind", ["star", "cs"])
def test_every_view_of_an_expanded_particle_has_a_pose_of_its_own(tmp_path: Path, kind: str) -> None:
    run = run_of_star_views(tmp_path) if kind == "star" else run_of_cryosparc_views(tmp_path)[0]
    poses = leave_changes(run.files, len(run.particles))
    target = write_refined_particles(run.files)[0]
    with listening(lambda notice: None):
        written = read_particles(target)
    rotations, shifts = poses_expected(run.particles, poses)
    np.testing.assert_allclose(written.rotation_matrices, rotations, atol=2e-6)
    np.testing.assert_allclose(written.shifts_in_angstroms, shifts, atol=2e-5)
    assert written.particle_indices.tolist() == run.particles.particle_indices.tolist()
    with pytest.raises(InputError, match="--refined-poses gives every view a pose of its own"):
        run_select(
            run.files, SelectSettings(where=("row ge 0",), unexpanded=True, refined_poses=True), Progress()
        )


def test_subsets_carry_the_refined_poses_only_where_that_is_requested(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    poses = leave_changes(run.files, len(run.particles))
    rotations, shifts = poses_expected(run.particles, poses)
    chosen = SelectSettings(where=("row ge 2",), out=tmp_path / "project" / "given.star")
    run_select(run.files, chosen, Progress(io.StringIO()))
    given = read_particles(tmp_path / "project" / "given.star")
    np.testing.assert_allclose(given.rotation_matrices, run.particles.rotation_matrices[2:], atol=1e-6)
    chosen = SelectSettings(
        where=("row ge 2",), out=tmp_path / "project" / "refined.star", refined_poses=True
    )
    run_select(run.files, chosen, Progress(io.StringIO()))
    refined = read_particles(tmp_path / "project" / "refined.star")
    np.testing.assert_allclose(refined.rotation_matrices, rotations[2:], atol=2e-6)
    np.testing.assert_allclose(refined.shifts_in_angstroms, shifts[2:], atol=2e-5)


def test_write_star_makes_the_file_of_the_run_anew(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    np.save(run.files.latents, np.arange(12, dtype=np.float32).reshape(6, 2))
    with pytest.raises(InputError, match=r"has no refined poses .* Leave --refined-poses out"):
        run_write_star(run.files, WriteStarSettings(refined_poses=True), Progress(io.StringIO()))
    leave_changes(run.files, len(run.particles))
    (target,) = write_refined_particles(run.files)
    before = target.read_bytes()
    target.unlink()
    numbers = run_write_star(run.files, WriteStarSettings(refined_poses=True), Progress(io.StringIO()))
    assert numbers["star"] == str(target)
    assert target.read_bytes() == before
    file = open_particle_file(target)
    assert file.column("gemLatent2").tolist() == [1, 3, 5, 7, 9, 11]
    assert (file.column("gemPoseChange") > 0).all()


def test_the_changes_are_columns_and_open_in_python(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    poses = leave_changes(run.files, len(run.particles))
    opened = gem.Run(run.files.root)
    degrees = np.rad2deg(np.linalg.norm(poses.rotation_vectors, axis=1))
    np.testing.assert_allclose(opened.column("pose_change"), degrees, rtol=1e-5)
    assert opened.select("shift_change > 0").rows.tolist() == list(range(6))
    assert opened.refined_poses.is_capped.tolist() == [False, False, True, False, False, False]


@pytest.mark.relion
def test_relion_makes_a_better_map_with_the_refined_poses(tmp_path: Path, relion: Path) -> None:
    """Poses of a simulated set spoilt by 8 degrees and 6 Angstrom; the truth comes back as the refined poses."""
    data = tmp_path / "data"
    settings = SimulateSettings(out=data, n_particles=400, box=32, pixel_size=8.0, snr=1.0, turn_to=0.0)
    run_simulate(settings, Progress(io.StringIO()))
    truth = read_particles(data / "particles.star")
    generator = np.random.default_rng(2)
    vectors = generator.normal(0, np.deg2rad(8), (400, 3))
    shifts = generator.normal(0, 6, (400, 2))
    undone = Rotation.from_rotvec(vectors).inv().as_matrix()
    spoilt = with_poses(truth.rotation_matrices @ undone, truth.shifts_in_angstroms + shifts)
    open_particle_file(data / "particles.star").write(data / "given.star", None, spoilt)
    given = read_particles(data / "given.star")
    run = Run(RunFiles(data / "run"))
    save_prepared_table(
        run.files.prepared_table, given, np.ones(17), ParticleOrigin(data / "given.star", None, 32, 8.0)
    )
    write_refined_poses(run.files, RefinedPoses(vectors, shifts, np.zeros(400, bool), np.array([8.0, 6.0])))
    write_refined_particles(run.files)
    maps = {}
    for name in ("given", "run/particles_refined", "particles"):
        command = [relion / "relion_reconstruct", "--i", f"{name}.star", "--o", "made.mrc", "--ctf"]
        subprocess.run(command, cwd=data, check=True, capture_output=True)
        maps[name] = torch.from_numpy(read_map(data / "made.mrc").volume)
    agreement = {
        name: float(fourier_shell_correlation(one, maps["particles"])[1:12].mean())
        for name, one in maps.items()
    }
    assert agreement["run/particles_refined"] > 0.999
    assert agreement["given"] < 0.9


def with_poses(rotation_matrices: np.ndarray, shifts: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of a star file by SciPy's own angles."""
    angles = Rotation.from_matrix(rotation_matrices.transpose(0, 2, 1)).as_euler("ZYZ", degrees=True)
    return dict(zip((*ANGLES, *ORIGINS_IN_ANGSTROMS), np.concatenate([angles, shifts], axis=1).T))
