"""Changed poses of tilt series, written into files of all forms and read again, are the given ones moved."""

import numpy as np
import pytest
import starfile
from tilt_poses import ROTATION_TOLERANCE, SHIFT_TOLERANCE, check_is_moved, leave_changes
from tilt_projects import FORMS, RELION, SERIES, changed_star, copied, read
from tilt_run import make_tilt_run

from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.tilt_series.changed_poses import moved_particles
from gem_plugin.progress import Progress
from gem_plugin.results.refined_poses import with_refined_poses
from gem_plugin.results.run import Run
from gem_plugin.results.tomogram_positions import positions_of_run
from gem_plugin.results.written_particles import write_refined_particles
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import run_select


@pytest.mark.parametrize("form", FORMS)
def test_written_poses_read_again_are_those_of_the_moved_images(tilt_project, tmp_path, form):
    """Of particles with subtomogram angles, origins that are not 0, and not all tilts."""
    project = copied(tilt_project, tmp_path)
    given = read(project / form)
    assert np.abs(given.images.shifts_in_angstroms).max() > 1
    assert form != RELION or np.abs(given.subtomogram_angles_in_degrees).max() > 1
    run = make_tilt_run(project, given.path.parent / "run", form)
    poses = leave_changes(run, len(given))
    written = write_refined_particles(run)
    again = read(written[-1])
    check_is_moved(again, given, poses)
    moved = moved_particles(given, poses.rotation_vectors, poses.shifts_in_angstroms)
    check_is_moved(moved, given, poses)
    np.testing.assert_allclose(again.rotation_matrices, moved.rotation_matrices, atol=ROTATION_TOLERANCE)
    np.testing.assert_allclose(again.origins_in_angstroms, moved.origins_in_angstroms, atol=SHIFT_TOLERANCE)
    np.testing.assert_allclose(again.coordinates_in_angstroms, moved.coordinates_in_angstroms, atol=2e-3)
    depth = np.abs(again.images.defocus_u_in_angstroms - given.images.defocus_u_in_angstroms)
    assert depth.max() < 20, "the defocus follows the depth of the shifted particle, no more"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("unit", ["none", "pixels"])
def test_origins_are_written_in_the_unit_of_the_file(tilt_project, tmp_path, form, unit):
    project = copied(tilt_project, tmp_path)
    path = read(project / form).path
    with changed_star(path) as blocks:
        block = blocks["particles"] if "particles" in blocks else next(iter(blocks.values()))
        for axis in "XYZ":
            label = f"rlnOrigin{axis}Angst"
            if label in block:
                values = block.pop(label)
                if unit == "pixels":
                    block[f"rlnOrigin{axis}"] = values / 8.0
    given = read(project / form)
    run = make_tilt_run(project, path.parent / "run", form)
    poses = leave_changes(run, len(given))
    target, *_ = written = write_refined_particles(run)
    check_is_moved(read(written[-1]), given, poses)
    blocks = starfile.read(target, always_dict=True)
    labels = set(blocks["particles"] if "particles" in blocks else next(iter(blocks.values())))
    in_pixels = unit == "pixels" or form == SERIES
    assert ("rlnOriginX" in labels) == in_pixels
    assert ("rlnOriginXAngst" in labels) != in_pixels


def test_every_row_of_an_image_series_moves_also_of_tilts_that_are_not_used(tilt_project, tmp_path):
    project = copied(tilt_project, tmp_path)
    whole, used = read(project / SERIES), read(project / SERIES, max_tilts=2)
    assert len(used.images) < len(whole.images)
    poses = leave_changes(RunFiles(tmp_path / "run"), len(whole))
    run = make_tilt_run(project, project / "image_series" / "run", SERIES, max_tilts=2)
    poses = leave_changes(run, len(whole))
    check_is_moved(read(write_refined_particles(run)[-1]), whole, poses)


@pytest.mark.parametrize("form", [RELION, SERIES])
def test_chosen_particles_have_their_own_refined_poses(tilt_project, tmp_path, form):
    project = copied(tilt_project, tmp_path)
    run = make_tilt_run(project, project / "run", form)
    given = read(project / form)
    poses = leave_changes(run, len(given))
    target = given.path.parent / "chosen.star"
    run_select(run, SelectSettings(where=("row ge 9",), out=target, refined_poses=True), Progress())
    again = read(target)
    rows = np.arange(9, len(given))
    check_is_moved(again, given.take(rows), poses.take(rows))


def test_tables_and_positions_are_those_of_the_refined_poses(tilt_project, tmp_path):
    project = copied(tilt_project, tmp_path)
    run = make_tilt_run(project, project / "run")
    before = positions_of_run(Run(run))
    given, table = read(project / RELION), Run(run).particles
    poses = leave_changes(run, len(given))
    moved = moved_particles(given, poses.rotation_vectors, poses.shifts_in_angstroms)
    first = moved.images.take(moved.first_images[:-1])
    refined = with_refined_poses(table, run)
    np.testing.assert_allclose(refined.rotation_matrices, first.rotation_matrices, atol=ROTATION_TOLERANCE)
    np.testing.assert_allclose(refined.shifts_in_angstroms, first.shifts_in_angstroms, atol=SHIFT_TOLERANCE)
    positions = positions_of_run(Run(run))
    np.testing.assert_allclose(positions.positions_in_angstroms, moved.coordinates_in_angstroms)
    distances = np.linalg.norm(positions.positions_in_angstroms - before.positions_in_angstroms, axis=1)
    np.testing.assert_allclose(distances, np.linalg.norm(poses.shifts_in_angstroms, axis=1), rtol=1e-4)
