"""Refined poses, written into files of every form and read back, are the given ones times the change."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import starfile
from cryosparc_rows import make_rows
from joined_sizes import simulate_two_sizes
from refined_runs import leave_changes, poses_expected
from relion_projects import RelionProject
from symmetric_project import cryosparc_project, prepared_run

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import read_cs_rows, read_csg, write_cs_rows
from gem_plugin.notices import listening
from gem_plugin.particles.image_sizes import on_one_grid
from gem_plugin.results.particle_file import read_particles
from gem_plugin.results.run import Run
from gem_plugin.results.written_particles import write_refined_particles

ROTATION_TOLERANCE, SHIFT_TOLERANCE = 2e-6, 2e-5  # float32, nine digits of text


def check_written_poses(run: Run) -> Path:
    """Write the file, and read it as any input; gives its path."""
    poses = leave_changes(run.files, len(run.particles))
    target = write_refined_particles(run.files)[0]
    with listening(lambda notice: None):
        written = on_one_grid(read_particles(target))
    rotations, shifts = poses_expected(run.particles, poses)
    np.testing.assert_allclose(written.rotation_matrices, rotations, atol=ROTATION_TOLERANCE)
    np.testing.assert_allclose(written.shifts_in_angstroms, shifts, atol=SHIFT_TOLERANCE)
    assert written.image_names.tolist() == run.particles.image_names.tolist()
    return target


def relion_run(folder: Path, change: Callable[[RelionProject], None] = lambda project: None) -> Run:
    project = RelionProject(folder / "project")
    change(project)
    project.write()
    return prepared_run(project.folder / "run", particles=project.star, map=project.map, box=16)


def in_pixels(project: RelionProject) -> None:
    """As RELION 3.0 writes it: no block of optics, pixel size from detector and magnification, origins in pixels."""
    project.optics = []
    columns = project.columns
    del columns["_rlnOpticsGroup"]
    for axis in "XY":
        columns[f"_rlnOrigin{axis}"] = columns.pop(f"_rlnOrigin{axis}Angst")
    n = project.n_particles
    columns |= {"_rlnVoltage": ["300"] * n, "_rlnSphericalAberration": ["2.7"] * n}
    columns |= {"_rlnAmplitudeContrast": ["0.1"] * n, "_rlnDetectorPixelSize": ["5"] * n}
    columns["_rlnMagnification"] = ["25000"] * n  # 2 Angstrom


def without_origins(project: RelionProject) -> None:
    for axis in "XY":
        del project.columns[f"_rlnOrigin{axis}Angst"]


def labels_of(star: Path) -> list[str]:
    return list(starfile.read(star, always_dict=True).popitem()[1].columns)


def test_a_file_of_relion_3_1_keeps_its_columns_and_gets_the_sizes_of_the_changes(tmp_path: Path) -> None:
    run = relion_run(tmp_path)
    target = check_written_poses(run)
    assert target == run.files.root / "particles_refined.star"
    before, after = (
        starfile.read(path, always_dict=True)["particles"] for path in (run.origin.particle_file, target)
    )
    assert set(after.columns) - set(before.columns) == {"gemPoseChange", "gemShiftChange"}
    kept = [name for name in before.columns if not name.startswith(("rlnAngle", "rlnOrigin"))]
    assert after[kept].equals(before[kept])
    poses = run.refined_poses
    assert poses is not None
    np.testing.assert_allclose(after["gemPoseChange"], poses.rotations_in_degrees, rtol=1e-6)
    np.testing.assert_allclose(after["gemShiftChange"], poses.distances_in_angstroms, rtol=1e-6)


def test_a_file_of_relion_3_0_keeps_origins_in_pixels(tmp_path: Path) -> None:
    labels = labels_of(check_written_poses(relion_run(tmp_path, in_pixels)))
    assert {"rlnOriginX", "rlnOriginY"} <= set(labels)
    assert "rlnOriginXAngst" not in labels


@pytest.mark.parametrize(("is_old", "label"), [(False, "rlnOriginXAngst"), (True, "rlnOriginX")])
def test_a_file_without_origins_gets_those_of_its_version(tmp_path: Path, is_old: bool, label: str) -> None:
    def change(project: RelionProject) -> None:
        if is_old:
            in_pixels(project)
            del project.columns["_rlnOriginX"], project.columns["_rlnOriginY"]
        else:
            without_origins(project)

    labels = labels_of(check_written_poses(relion_run(tmp_path, change)))
    assert [name for name in labels if name.startswith("rlnOriginX")] == [label]


def test_origins_in_both_units_stay_the_same_length(tmp_path: Path) -> None:
    def change(project: RelionProject) -> None:
        for axis in "XY":
            values = project.columns[f"_rlnOrigin{axis}Angst"]
            project.columns[f"_rlnOrigin{axis}"] = [f"{float(value) / 2:.6f}" for value in values]

    target = check_written_poses(relion_run(tmp_path, change))
    written = starfile.read(target, always_dict=True)["particles"]
    for axis in "XY":
        np.testing.assert_allclose(
            written[f"rlnOrigin{axis}Angst"], 2 * written[f"rlnOrigin{axis}"], atol=1e-6
        )


def test_images_of_two_sizes_have_shifts_in_their_own_angstroms(tmp_path: Path) -> None:
    _, _, joined = simulate_two_sizes(tmp_path, n_particles=12)
    run = prepared_run(
        tmp_path / "run",
        particles=joined,
        map=tmp_path / "a" / "consensus.mrc",
        project_folder=tmp_path,
        box=24,
    )
    assert run.particles.optics.is_stretched  # the second set needs another scale: nothing is tested without
    check_written_poses(run)


def test_magnification_of_the_optics_changes_nothing_in_the_file(tmp_path: Path) -> None:
    def change(project: RelionProject) -> None:
        matrix = {"00": "1.02", "01": "0.01", "10": "-0.005", "11": "0.985"}
        project.optics[0] |= {f"_rlnMagMat{index}": value for index, value in matrix.items()}

    run = relion_run(tmp_path, change)
    assert run.particles.optics.is_stretched
    check_written_poses(run)


def test_particles_of_cryosparc_have_shifts_in_pixels_of_their_alignments(tmp_path: Path) -> None:
    source, volume, rows = cryosparc_project(tmp_path / "project")
    rows["alignments3D/psize_A"] = 3.5  # refined at a coarser pixel than that of the images
    write_cs_rows(source, rows)
    run = prepared_run(tmp_path / "run", particles=source, map=volume)
    np.save(run.files.latents, np.ones((len(rows), 2), np.float32))
    target = check_written_poses(run)
    written = read_cs_rows(target)
    changed = {"alignments3D/pose", "alignments3D/shift"}
    for name in rows.dtype.names:
        assert np.array_equal(written[name], rows[name]) == (name not in changed), name
    assert list(written.dtype.names)[: len(rows.dtype.names)] == list(rows.dtype.names)  # in place
    poses = run.refined_poses
    assert poses is not None
    np.testing.assert_allclose(written["components_mode_2/value"], poses.rotations_in_degrees, rtol=1e-6)
    np.testing.assert_allclose(written["components_mode_3/value"], poses.distances_in_angstroms, rtol=1e-6)
    assert read_csg(target.with_suffix(".csg")).slot_types["components_mode_3"] == "particle.components"


def test_alignments_of_classes_get_a_slot_of_the_best_class(tmp_path: Path) -> None:
    source, volume, rows = cryosparc_project(tmp_path / "project")
    fields = {name: rows[name] for name in rows.dtype.names if not name.startswith("alignments3D/")}
    for number in range(2):
        other = make_rows(len(rows), seed=number + 5)
        for name in ("pose", "shift", "split"):
            fields[f"alignments_class3D_{number}/{name}"] = other[f"alignments3D/{name}"]
        posterior = np.where(np.arange(len(rows)) % 2 == number, 0.9, 0.1).astype(np.float32)
        fields[f"alignments_class3D_{number}/class_posterior"] = posterior
    kinds = [(name, values.dtype, values.shape[1:]) for name, values in fields.items()]
    several = np.empty(len(rows), dtype=kinds)
    for name, values in fields.items():
        several[name] = values
    write_cs_rows(source, several)
    target = check_written_poses(prepared_run(tmp_path / "run", particles=source, map=volume))
    assert read_csg(target.with_suffix(".csg")).slot_types["alignments3D"] == "particle.alignments3D"


def test_without_refined_poses_nothing_is_written_and_old_files_go(tmp_path: Path) -> None:
    run = relion_run(tmp_path)
    target = check_written_poses(run)
    run.files.refined_poses.unlink()
    assert write_refined_particles(run.files) == []
    assert not target.exists()


def test_poses_of_other_particles_are_refused(tmp_path: Path) -> None:
    run = relion_run(tmp_path)
    leave_changes(run.files, 5)
    with pytest.raises(
        InputError, match=r"refined_poses\.npz is of 5 particles, the run has 6\. Run `gem-em train"
    ):
        write_refined_particles(run.files)
