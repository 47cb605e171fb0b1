"""Views are written as rows of their particles with the pose of the copy, in the terms of both programs."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import starfile
from cryosparc_rows import with_fields
from scipy.spatial.transform import Rotation
from symmetric_project import (
    cryosparc_project,
    prepared_run,
    run_of_cryosparc_views,
    run_of_star_views,
)

from gem_plugin.io.cryosparc.files import read_cs_rows, read_csg, write_cs_rows
from gem_plugin.notices import listening
from gem_plugin.particles.from_cryosparc import read_cryosparc_particles
from gem_plugin.particles.from_relion import read_relion_particles
from gem_plugin.results.expanded_particle_file import COPY_FIELD, SOURCE_FIELD, uids_of_views
from gem_plugin.results.run import Run
from gem_plugin.results.unexpanded import particles_of_views
from gem_plugin.results.written_particles import write_latents


@pytest.fixture
def star_run(tmp_path: Path) -> Run:
    return run_of_star_views(tmp_path)


@pytest.fixture
def cs_run(tmp_path: Path) -> tuple[Run, np.ndarray]:
    return run_of_cryosparc_views(tmp_path)


def test_all_views_come_back_in_the_poses_of_the_run(star_run: Run, tmp_path: Path) -> None:
    target = tmp_path / "project" / "views.star"
    star_run.original.write(target)
    table = read_relion_particles(target)
    np.testing.assert_allclose(table.rotation_matrices, star_run.particles.rotation_matrices, atol=1e-6)
    assert table.image_names.tolist() == star_run.particles.image_names.tolist()
    assert table.particle_indices.tolist() == star_run.particles.particle_indices.tolist()
    written = starfile.read(target, always_dict=True)["particles"]
    assert written["gemSymmetryCopy"].tolist() == [0, 1, 2] * 6
    assert written["myColumn"].tolist() == [f"kept_{row}" for row in range(6) for _ in range(3)]


def test_cyclic_copies_differ_by_rot_alone_as_in_relion(star_run: Run, tmp_path: Path) -> None:
    target = tmp_path / "project" / "views.star"
    star_run.original.write(target)
    written = starfile.read(target, always_dict=True)["particles"]
    for name in ("rlnAngleTilt", "rlnAnglePsi"):
        values = written[name].to_numpy().reshape(6, 3)
        np.testing.assert_allclose(values, values[:, :1].repeat(3, 1), atol=1e-5)
    steps = (
        written["rlnAngleRot"].to_numpy().reshape(6, 3)[:, 1:] - written["rlnAngleRot"].to_numpy()[::3, None]
    ) % 360
    np.testing.assert_allclose(np.sort(steps, axis=1), np.tile([120.0, 240.0], (6, 1)), atol=1e-4)


def test_original_rows_are_kept_to_the_letter(star_run: Run, tmp_path: Path) -> None:
    target = tmp_path / "project" / "views.star"
    with listening(lambda notice: None):
        star_run.original.write(target, np.array([0, 3, 4]))
    lines = [line for line in target.read_text().splitlines() if "@" in line]
    originals = [line for line in star_run.origin.particle_file.read_text().splitlines() if "@" in line]
    assert [line.split()[:-1] for line in lines[:2]] == [line.split() for line in originals[:2]]
    assert lines[2].split()[-1] == "1"


def test_columns_are_those_of_the_views(star_run: Run) -> None:
    original = star_run.original
    assert len(original) == 18
    assert original.column("gemSymmetryCopy").tolist() == [0, 1, 2] * 6
    assert original.column("rlnDefocusU").tolist() == np.repeat(10000 + 100 * np.arange(6), 3).tolist()
    angles = np.stack([original.column(f"rlnAngle{name}") for name in ("Rot", "Tilt", "Psi")], axis=1)
    matrices = Rotation.from_euler("ZYZ", angles, degrees=True).inv().as_matrix()
    np.testing.assert_allclose(matrices, star_run.particles.rotation_matrices, atol=1e-6)
    assert star_run.column("gemSymmetryCopy").tolist() == [0, 1, 2] * 6
    assert original.values("gemSymmetryCopy").tolist() == [0, 1, 2] * 6
    np.testing.assert_array_equal(original.values("rlnAngleRot"), angles[:, 0])
    assert original.values("rlnImageName").tolist() == star_run.particles.image_names.tolist()


def test_latents_and_classes_are_written_for_every_view(star_run: Run) -> None:
    latents = np.arange(36, dtype=np.float32).reshape(18, 2)
    write_latents(star_run.files, latents)
    written = starfile.read(star_run.files.particles(".star"), always_dict=True)["particles"]
    assert written["gemLatent2"].tolist() == latents[:, 1].tolist()
    assert written["gemSymmetryCopy"].tolist() == [0, 1, 2] * 6
    target = star_run.files.root / "classes.star"
    states = 1 + np.arange(18) % 2
    star_run.original.write_classes(target, states, None, star_run.files)
    assert starfile.read(target, always_dict=True)["particles"]["rlnClassNumber"].tolist() == states.tolist()


@pytest.mark.relion
def test_the_copy_survives_relion(star_run: Run, relion: Path, tmp_path: Path) -> None:
    target = tmp_path / "project" / "views.star"
    star_run.original.write(target)
    options = [
        "--i",
        "views.star",
        "--o",
        "half1.star",
        "--select",
        "rlnRandomSubset",
        "--minval",
        "1",
        "--maxval",
        "1",
    ]
    subprocess.run(
        [relion / "relion_star_handler", *options], cwd=target.parent, check=True, capture_output=True
    )
    found = starfile.read(target.with_name("half1.star"), always_dict=True)["particles"]
    assert sorted(found["gemSymmetryCopy"].astype(int).tolist()) == sorted([0, 1, 2] * 3)


def test_a_file_in_another_order_is_joined_by_name(star_run: Run, tmp_path: Path) -> None:
    star = star_run.origin.particle_file
    lines = star.read_text().splitlines(keepends=True)
    rows = [index for index, line in enumerate(lines) if "@" in line]
    for first, second in zip(rows[:3], rows[::-1]):
        lines[first], lines[second] = lines[second], lines[first]
    star.write_text("".join(lines))
    run = Run(star_run.files)
    assert run.original.column("rlnDefocusU").tolist() == np.repeat(10000 + 100 * np.arange(6), 3).tolist()
    target = tmp_path / "project" / "views.star"
    with listening(lambda notice: None):
        run.original.write(target, np.array([1, 4, 17]))
    found = starfile.read(target, always_dict=True)["particles"]
    assert sorted(zip(found["rlnDefocusU"], found["gemSymmetryCopy"])) == [(10000, 1), (10100, 1), (10500, 2)]
    assert found["gemSymmetryCopy"].tolist() == [2, 1, 1]  # in the order of the file


def test_cryosparc_gets_poses_uids_and_the_slot_of_its_symmetry_expansion(cs_run, tmp_path: Path) -> None:
    run, rows = cs_run
    paths = run.original.write(tmp_path / "views.cs")
    found = read_cs_rows(paths[0])
    assert len(found) == 120
    assert len(np.unique(found["uid"])) == 120
    np.testing.assert_array_equal(found["uid"][::6], rows["uid"])
    np.testing.assert_array_equal(found[SOURCE_FIELD], np.repeat(rows["uid"], 6))
    assert found[SOURCE_FIELD].dtype == np.uint64
    assert found[COPY_FIELD].tolist() == list(range(6)) * 20
    assert set(found["sym_expand/symmetry"].tolist()) == {b"D3"}
    np.testing.assert_array_equal(found["alignments3D/pose"][::6], rows["alignments3D/pose"])
    for name in ("blob/path", "blob/idx", "alignments3D/split", "alignments3D/shift", "ctf/df1_A"):
        np.testing.assert_array_equal(found[name], np.repeat(rows[name], 6, axis=0))
    table = read_cryosparc_particles(paths[0])
    np.testing.assert_allclose(table.rotation_matrices, run.particles.rotation_matrices, atol=1e-5)
    assert table.particle_indices.tolist() == run.particles.particle_indices.tolist()
    assert read_csg(paths[1]).counts["sym_expand"] == 120


def test_poses_are_those_of_the_operators(cs_run, tmp_path: Path) -> None:
    """CryoSPARC's matrix is A^T, which becomes R^T A^T."""
    run, rows = cs_run
    found = read_cs_rows(run.original.write(tmp_path / "views.cs", np.arange(6))[0])
    pose = Rotation.from_rotvec(rows["alignments3D/pose"][0].astype(float)).as_matrix()
    expected = run.particles.symmetry.operators.transpose(0, 2, 1) @ pose
    np.testing.assert_allclose(
        Rotation.from_rotvec(found["alignments3D/pose"].astype(float)).as_matrix(), expected, atol=1e-6
    )


def test_chosen_views_keep_their_uids(cs_run, tmp_path: Path) -> None:
    run, _ = cs_run
    everything = read_cs_rows(run.original.write(tmp_path / "all.cs")[0])
    chosen = np.array([1, 7, 8, 119])
    some = read_cs_rows(run.original.write(tmp_path / "some.cs", chosen)[0])
    np.testing.assert_array_equal(some["uid"], everything["uid"][chosen])


def test_new_uids_avoid_those_that_are_taken() -> None:
    sources, copies = np.array([5, 5, 9], np.uint64), np.array([0, 1, 1])
    first = uids_of_views(sources, copies, sources)
    again = uids_of_views(sources, copies, np.append(sources, first[1]))
    assert first[0] == again[0] == 5
    assert again[1] != first[1]
    assert again[2] == first[2]


def test_filaments_keep_their_fields_in_views_and_in_whole_particles(tmp_path: Path) -> None:
    source, volume, rows = cryosparc_project(tmp_path / "project", "C2", 12)
    helical = {
        "filament/filament_uid": (10**12 + np.arange(12) // 4).astype("<u8"),
        "filament/filament_pose": np.linspace(-1, 1, 12).astype("<f4"),
        "filament/position_A": np.arange(12).astype("<f4"),
    }
    write_cs_rows(source, with_fields(rows, helical))
    run = prepared_run(tmp_path / "run", particles=source, map=volume, symmetry="C2")
    chosen = np.array([1, 2, 9, 20])
    with listening(lambda notice: None):
        run.original.write(tmp_path / "views.cs", chosen)
    views = read_cs_rows(tmp_path / "views.cs")
    whole = particles_of_views(run, chosen)
    whole.file.write(tmp_path / "whole.cs", whole.rows)
    for name, values in helical.items():
        np.testing.assert_array_equal(views[name], values[chosen // 2])
        np.testing.assert_array_equal(
            read_cs_rows(tmp_path / "whole.cs")[name], values[np.unique(chosen // 2)]
        )
    assert "filament" in (tmp_path / "views.csg").read_text()
