"""Filaments of CryoSPARC in RELION's columns; the in-plane angle only where the refined poses confirm what it counts from."""

from pathlib import Path

import numpy as np
import pytest
from cryosparc_rows import make_rows, with_fields
from scipy.spatial.transform import Rotation

from gem_plugin.particles.cryosparc_to_relion import not_carried_over, relion_tables

SOURCE = Path("J64_005_particles.cs")


def filament_rows(n_particles: int = 24, seed: int = 4) -> np.ndarray:
    """Filaments in the ice, refined: tilt near 90, any direction; the angle is that of the projected axis."""
    random = np.random.default_rng(seed)
    rows = make_rows(n_particles)
    counter = np.arange(n_particles)
    rot, tilt = random.uniform(-180, 180, n_particles), random.normal(90, 4, n_particles)
    directions = random.uniform(-90, 90, n_particles)  # of the filament from x to y of the image
    psi = -directions + 180 * random.integers(0, 2, n_particles)  # either sense, as refinements have it
    angles = np.stack([rot, tilt, psi], axis=1)
    rows["alignments3D/pose"] = Rotation.from_euler("ZYZ", angles, degrees=True).as_rotvec()
    return with_fields(
        rows,
        {
            "filament/filament_uid": 10**12 + (counter // 4).astype("<u8"),
            "filament/filament_pose": np.deg2rad(directions).astype("<f4"),
            "filament/position_A": (7.5 + 4.75 * (counter % 4)).astype("<f4"),
        },
    )


def directions_of_axis(rows: np.ndarray) -> np.ndarray:  # degrees, modulo 180
    """Of z of the map, projected as every point is: (A z)[:2] with A = transpose of the pose."""
    axis = Rotation.from_rotvec(rows["alignments3D/pose"].astype(float)).inv().apply([0, 0, 1])
    return np.rad2deg(np.arctan2(axis[:, 1], axis[:, 0])) % 180


def test_filaments_are_numbered_from_1_in_each_micrograph_and_measured_from_their_start() -> None:
    rows = filament_rows()
    particles = relion_tables(rows, SOURCE)["particles"]
    expected = [1, 1, 1, 1, 2, 2, 2, 2, 3, 3]  # ten particles a micrograph
    assert particles["rlnHelicalTubeID"].tolist()[:10] == expected
    assert particles["rlnHelicalTubeID"].tolist()[10:14] == [1, 1, 2, 2]
    assert particles["rlnHelicalTrackLengthAngst"].tolist()[:8] == [0, 4.75, 9.5, 14.25] * 2


@pytest.mark.parametrize(("sign", "offset"), [(1, 0), (1, 90), (-1, 0), (-1, 90)])
def test_psi_prior_is_the_projected_axis_whatever_the_angle_counts_from(sign: int, offset: int) -> None:
    """Converters disagree on the convention; a refinement of the same particles shows it."""
    rows = filament_rows()
    written = sign * np.rad2deg(rows["filament/filament_pose"]) + offset
    rows["filament/filament_pose"] = np.deg2rad(written)
    particles = relion_tables(rows, SOURCE)["particles"]
    differences = (-particles["rlnAnglePsiPrior"] - directions_of_axis(rows) + 90) % 180 - 90
    np.testing.assert_allclose(differences, 0, atol=0.01)
    assert set(particles["rlnAngleTiltPrior"]) == {90.0}


def without_poses(rows: np.ndarray) -> np.ndarray:
    kept = [name for name in rows.dtype.names if not name.startswith("alignments3D")]
    return with_fields(np.zeros(len(rows), dtype=[]), {name: rows[name] for name in kept})


def with_other_poses(rows: np.ndarray) -> np.ndarray:
    rows["alignments3D/pose"] = np.random.default_rng(8).normal(0, 1.5, (len(rows), 3))
    return rows


@pytest.mark.parametrize("change", [without_poses, with_other_poses, lambda rows: rows[:9]])
def test_angle_that_no_poses_confirm_is_named_and_not_guessed(change) -> None:
    rows = change(filament_rows())
    tables = relion_tables(rows, SOURCE)
    assert "rlnAnglePsiPrior" not in tables["particles"]
    assert "rlnAngleTiltPrior" not in tables["particles"]
    assert "rlnHelicalTubeID" in tables["particles"]
    assert "filament/filament_pose" in not_carried_over(rows, tables)
    assert "filament/filament_uid" not in not_carried_over(rows, tables)


def test_case_of_filaments(shared_cases: Path) -> None:
    from gem_plugin.io.cryosparc.jobs import read_cryosparc

    particles = read_cryosparc(shared_cases / "cryosparc" / "filament_star" / "P1" / "J64")
    tables = relion_tables(particles.rows, particles.source)
    assert tables["particles"]["rlnHelicalTubeID"].tolist() == [1] * 4 + [2] * 4 + [3] * 4
    assert "filament/filament_pose" in not_carried_over(particles.rows, tables)  # made up, unlike its poses
