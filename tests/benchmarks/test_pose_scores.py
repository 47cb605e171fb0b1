"""Pose errors are read at the size they were planted with; ROC areas of junk."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from small_truth import truth_with_moving_arm
from truth.pose_scores import REFINED_PARTICLES, pose_error, poses_of_file, roc_area, score_junk, score_poses

from gem_plugin.io.star.write import write_new_star
from gem_plugin.results.particle_file import open_particle_file


@pytest.fixture
def truth():  # type: ignore[no-untyped-def]
    return truth_with_moving_arm(2, n_images=4000)


def disturbed(truth, degrees: float, angstroms: float):  # type: ignore[no-untyped-def]
    generator = np.random.default_rng(3)
    errors = Rotation.from_rotvec(generator.normal(0, np.deg2rad(degrees), (len(truth), 3))).as_matrix()
    moved = generator.normal(0, angstroms, (len(truth), 2))
    return errors @ truth.rotation_matrices, truth.shifts_in_angstroms + moved


def write_star(path: Path, matrices: np.ndarray, shifts: np.ndarray) -> None:
    angles = Rotation.from_matrix(matrices.transpose(0, 2, 1)).as_euler("ZYZ", degrees=True)
    columns = {
        "_rlnImageName": [f"{row + 1:06d}@particles.mrcs" for row in range(len(angles))],
        "_rlnAngleRot": [f"{value:.6f}" for value in angles[:, 0]],
        "_rlnAngleTilt": [f"{value:.6f}" for value in angles[:, 1]],
        "_rlnAnglePsi": [f"{value:.6f}" for value in angles[:, 2]],
        "_rlnOriginXAngst": [f"{value:.6f}" for value in shifts[:, 0]],
        "_rlnOriginYAngst": [f"{value:.6f}" for value in shifts[:, 1]],
        "_rlnOpticsGroup": ["1"] * len(angles),
    }
    optics = {"_rlnOpticsGroup": ["1"], "_rlnImagePixelSize": ["6.0"], "_rlnImageSize": ["32"]}
    write_new_star(path, {"optics": optics, "particles": columns})


def test_planted_errors_are_read(truth) -> None:  # type: ignore[no-untyped-def]
    degrees, angstroms = pose_error(truth, *disturbed(truth, 3, 2))
    assert degrees == pytest.approx(3, rel=0.03)
    assert angstroms == pytest.approx(2, rel=0.03)


def test_junk_has_no_pose(truth) -> None:  # type: ignore[no-untyped-def]
    matrices, shifts = disturbed(truth, 0, 0)
    matrices[:400] = np.eye(3)
    with_junk = dataclasses.replace(truth, kinds=(np.arange(4000) < 400).astype(np.int64))
    assert pose_error(with_junk, matrices, shifts)[0] == pytest.approx(0, abs=1e-3)


class OpenedRun:
    """What the scores read of a run."""

    def __init__(self, folder: Path, columns: dict[str, np.ndarray] | None = None) -> None:
        self.files = type("Files", (), {"root": folder})()
        self.original = open_particle_file(folder / "particles.star")
        self._columns = columns or {}
        names = [f"{row + 1:06d}@particles.mrcs" for row in range(4000)]
        self.particles = type("Table", (), {"image_names": np.array(names)})()

    @property
    def columns(self) -> list[str]:
        return list(self._columns)

    def column(self, name: str) -> np.ndarray:
        return self._columns[name]


def test_poses_of_a_star_file_are_those_written(truth, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_star(tmp_path / "particles.star", truth.rotation_matrices, truth.shifts_in_angstroms)
    matrices, shifts = poses_of_file(open_particle_file(tmp_path / "particles.star"))
    assert np.allclose(matrices, truth.rotation_matrices, atol=1e-6)
    assert np.allclose(shifts, truth.shifts_in_angstroms, atol=1e-6)


def test_refined_poses_are_read_where_they_are(truth, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_star(tmp_path / "particles.star", *disturbed(truth, 3, 2))
    run = OpenedRun(tmp_path)
    before = score_poses(truth, run)  # type: ignore[arg-type]
    assert before["angle_error_after"] == before["angle_error_before"] == pytest.approx(3, rel=0.03)
    write_star(tmp_path / REFINED_PARTICLES, *disturbed(truth, 1, 0.5))
    after = score_poses(truth, run)  # type: ignore[arg-type]
    assert after["angle_error_before"] == before["angle_error_before"]
    assert after["angle_error_after"] == pytest.approx(1, rel=0.03)
    assert after["shift_error_after"] == pytest.approx(0.5, rel=0.03)


def test_roc_area_of_each_kind() -> None:
    kinds = np.array([0, 0, 0, 1, 1, 2])
    values = np.array([0.1, 0.2, 0.3, 0.9, 0.8, 0.0])
    assert roc_area(values, kinds, (1,)) == 1.0
    assert roc_area(values, kinds, (2,)) == 0.0
    assert roc_area(values, kinds, (1, 2)) == pytest.approx(2 / 3)
    assert roc_area(values[:3], kinds[:3], (1,)) is None


def test_outlier_is_used_where_there_is_one_else_low_contrast(truth, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_star(tmp_path / "particles.star", truth.rotation_matrices, truth.shifts_in_angstroms)
    kinds = (np.arange(4000) % 10 == 0).astype(np.int64)
    with_junk = dataclasses.replace(truth, kinds=kinds)
    contrast = np.where(kinds, 0.1, 1.0)
    by_contrast = score_junk(with_junk, OpenedRun(tmp_path, {"contrast": contrast}))  # type: ignore[arg-type]
    assert by_contrast["junk_roc_area"] == 1.0
    columns = {"contrast": contrast, "outlier": 1.0 - kinds}
    assert score_junk(with_junk, OpenedRun(tmp_path, columns))["junk_roc_area"] == 0.0  # type: ignore[arg-type]
    assert score_junk(truth, OpenedRun(tmp_path, columns))["junk_roc_area"] is None  # type: ignore[arg-type]
