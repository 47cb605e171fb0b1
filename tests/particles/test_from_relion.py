"""Star files of every RELION version give the same table; what cannot be used is refused in clear words."""

import os
from pathlib import Path

import numpy as np
import pytest
from relion_projects import OPTICS, RelionProject
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.project_folder import ImageSearch
from gem_plugin.notices import GemNote, listening
from gem_plugin.particles.from_relion import read_relion_particles
from gem_plugin.particles.stack_checks import check_stacks
from gem_plugin.particles.table import ParticleTable
from gem_plugin.results.particle_file import find_particle_file, read_particles


@pytest.fixture
def project(tmp_path: Path) -> RelionProject:
    return RelionProject(tmp_path)


def as_relion_30(project: RelionProject) -> None:
    """The same particles as RELION 3.0 wrote them: one block, origins in pixels, detector pixel and magnification."""
    n = project.n_particles
    project.optics = []
    del project.columns["_rlnOpticsGroup"]
    for axis in "XY":
        origins = project.columns.pop(f"_rlnOrigin{axis}Angst")
        project.columns[f"_rlnOrigin{axis}"] = [f"{float(value) / 2:.6f}" for value in origins]
    project.columns |= {
        "_rlnVoltage": ["300.0"] * n,
        "_rlnSphericalAberration": ["2.7"] * n,
        "_rlnAmplitudeContrast": ["0.1"] * n,
        "_rlnDetectorPixelSize": ["5.0"] * n,
        "_rlnMagnification": ["25000"] * n,
    }


def assert_same_particles(first: ParticleTable, second: ParticleTable) -> None:
    for name in vars(first):
        a, b = getattr(first, name), getattr(second, name)
        if isinstance(a, np.ndarray) and a.dtype.kind == "f":
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-5, err_msg=name)
        else:
            assert np.array_equal(a, b), name


def test_columns_come_with_their_units(project: RelionProject) -> None:
    project.columns |= {
        "_rlnPhaseShift": ["90"] * 6,
        "_rlnCtfBfactor": ["50.5"] * 6,
        "_rlnCtfScalefactor": ["0.9"] * 6,
    }
    table = read_relion_particles(project.write_star())
    assert table.image_names[3] == "000002@Extract/job004/mic1.mrcs"
    assert table.stack_names[3] == "Extract/job004/mic1.mrcs"
    assert table.slice_indices.tolist() == [0, 0, 1, 1, 2, 2]
    np.testing.assert_allclose(table.shifts_in_angstroms[2], [-0.5, -0.5])
    np.testing.assert_allclose(table.defocus_u_in_angstroms[[0, 5]], [10000, 10500])
    np.testing.assert_allclose(table.defocus_v_in_angstroms[5], 10400)
    np.testing.assert_allclose(table.phase_shift_in_degrees, 90)
    np.testing.assert_allclose(table.b_factor_in_square_angstroms, 50.5)
    np.testing.assert_allclose(table.scale_factor, 0.9)
    np.testing.assert_allclose(table.voltage_in_kilovolts, 300)
    np.testing.assert_allclose(table.spherical_aberration_in_millimetres, 2.7)
    np.testing.assert_allclose(table.amplitude_contrast, 0.1)
    assert table.half_sets.tolist() == [1, 2, 1, 2, 1, 2]
    assert (table.contrast_sign == 1).all()
    assert (table.pixel_size_in_angstroms, table.box_size) == (2.0, 16)


def test_rotation_matrix_is_the_transpose_of_the_euler_turn(project: RelionProject) -> None:
    table = read_relion_particles(project.write_star())
    expected = Rotation.from_euler("ZYZ", [0, 50, -20], degrees=True).as_matrix().T  # row 3
    np.testing.assert_allclose(table.rotation_matrices[3], expected, atol=1e-6)


def test_tilt_of_90_degrees_shows_the_molecule_from_the_side(project: RelionProject) -> None:
    for name in ("Rot", "Tilt", "Psi"):
        project.columns[f"_rlnAngle{name}"] = ["90.0" if name == "Tilt" else "0.0"] * 6
    matrix = read_relion_particles(project.write_star()).rotation_matrices[0]
    np.testing.assert_allclose(matrix @ [0, 0, 1], [-1, 0, 0], atol=1e-6)


def test_relion_30_gives_the_same_table(project: RelionProject, tmp_path: Path) -> None:
    new = read_relion_particles(project.write_star())
    old_project = RelionProject(tmp_path / "old")
    as_relion_30(old_project)
    old_project.write_star()
    old_project.write_stacks()
    assert_same_particles(read_relion_particles(old_project.star), new)


def test_relion_5_header_gives_the_same_table(project: RelionProject, tmp_path: Path) -> None:
    new = read_relion_particles(project.write_star())
    text = project.star_text().replace("# version 30001\n\n", "# version 50001\n")
    (tmp_path / "five.star").write_text(text + "\n")
    assert_same_particles(read_relion_particles(tmp_path / "five.star"), new)


def test_windows_line_ends_give_the_same_table(project: RelionProject, tmp_path: Path) -> None:
    new = read_relion_particles(project.write_star())
    (tmp_path / "windows.star").write_bytes(project.star_text().replace("\n", "\r\n").encode())
    assert_same_particles(read_relion_particles(tmp_path / "windows.star"), new)


def test_each_particle_gets_the_optics_of_its_group(project: RelionProject) -> None:
    project.optics = [
        OPTICS | {"_rlnOpticsGroup": "7"},
        OPTICS | {"_rlnOpticsGroup": "2", "_rlnVoltage": "200"},
    ]
    project.columns["_rlnOpticsGroup"] = ["2", "7", "7", "2", "7", "2"]
    table = read_relion_particles(project.write_star())
    assert table.voltage_in_kilovolts.tolist() == [200, 300, 300, 200, 300, 200]
    assert table.optics_groups.tolist() == [2, 7, 7, 2, 7, 2]


def test_helical_columns_do_no_harm(project: RelionProject) -> None:
    plain = read_relion_particles(project.write_star())
    project.columns |= {"_rlnHelicalTubeID": ["1"] * 6, "_rlnHelicalTrackLengthAngst": ["12.5"] * 6}
    project.columns |= {"_rlnAngleTiltPrior": ["90"] * 6}
    assert_same_particles(read_relion_particles(project.write_star()), plain)


def test_particles_without_half_sets_have_half_set_0(project: RelionProject) -> None:
    del project.columns["_rlnRandomSubset"]
    assert (read_relion_particles(project.write_star()).half_sets == 0).all()


def test_project_folder_is_found_above_the_star_file(project: RelionProject) -> None:
    project.write()
    table = read_particles(project.star)
    stacks = find_particle_file(project.star).find_images(table).paths
    assert stacks["Extract/job004/mic0.mrcs"] == project.folder / "Extract/job004/mic0.mrcs"
    assert len(check_stacks(table, stacks, project.star)) == 2


def test_project_folder_is_found_in_the_working_folder(
    project: RelionProject, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write()
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy.star"
    elsewhere.write_text(project.star_text())
    monkeypatch.chdir(project.folder / "Refine3D")
    assert len(find_particle_file(elsewhere).find_images(read_particles(elsewhere)).paths) == 2


def test_given_project_folder_is_the_only_one(project: RelionProject, tmp_path: Path) -> None:
    project.write()
    table = read_particles(project.star)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"2 of 2 image stacks are missing: Extract.*--project-folder"):
        find_particle_file(project.star).find_images(table, ImageSearch(tmp_path / "empty"))


# What cannot be used


def assert_refused(project: RelionProject, pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        read_particles(project.write_star())


@pytest.mark.parametrize("name", ["_rlnAngleRot", "_rlnAngleTilt", "_rlnAnglePsi"])
def test_no_poses(project: RelionProject, name: str) -> None:
    del project.columns[name]
    assert_refused(project, f"run_data.star has no poses: the column {name} is missing.*Refine3D")


@pytest.mark.parametrize("name", ["_rlnDefocusU", "_rlnVoltage", "_rlnSphericalAberration"])
def test_no_ctf(project: RelionProject, name: str) -> None:
    project.columns.pop(name, None)
    project.optics[0].pop(name, None)
    assert_refused(project, f"run_data.star has no CTF: the column {name} is missing.*Estimate the CTF")


def test_no_pixel_size(project: RelionProject) -> None:
    del project.optics[0]["_rlnImagePixelSize"]
    assert_refused(project, "has no pixel size: expected _rlnImagePixelSize.*--pixel-size")
    assert read_particles(project.star, pixel_size_in_angstroms=1.7).pixel_size_in_angstroms == 1.7


def test_pixel_size_that_contradicts_the_file(project: RelionProject) -> None:
    with pytest.raises(InputError, match=r"--pixel-size is 1.7 A, but .* says 2 A"):
        read_particles(project.write_star(), pixel_size_in_angstroms=1.7)


def test_optics_groups_of_different_sizes(project: RelionProject) -> None:
    project.optics = [
        OPTICS,
        OPTICS | {"_rlnOpticsGroup": "2", "_rlnImagePixelSize": "2.1", "_rlnImageSize": "18"},
    ]
    project.columns["_rlnOpticsGroup"][1] = "2"
    with pytest.warns(GemNote, match="1 of 18 pixels of 2.1 A"):
        table = read_particles(project.write_star())
    assert (table.box_size, table.pixel_size_in_angstroms) == (16, 2.0)
    assert table.own_box_sizes.tolist() == [16, 18, 16, 16, 16, 16]
    assert table.own_pixel_sizes.tolist() == [2.0, 2.1, 2.0, 2.0, 2.0, 2.0]


def test_origins_in_pixels_are_those_of_each_image(project: RelionProject) -> None:
    project.optics = [OPTICS, OPTICS | {"_rlnOpticsGroup": "2", "_rlnImagePixelSize": "3.0"}]
    project.columns["_rlnOpticsGroup"][1] = "2"
    for axis in "XY":
        project.columns[f"_rlnOrigin{axis}"] = ["1.5"] * 6
        del project.columns[f"_rlnOrigin{axis}Angst"]
    with pytest.warns(GemNote, match="several sizes"):
        table = read_particles(project.write_star())
    assert table.shifts_in_angstroms[:3].tolist() == [[3.0, 3.0], [4.5, 4.5], [3.0, 3.0]]


def test_optics_group_that_is_not_there(project: RelionProject) -> None:
    project.columns["_rlnOpticsGroup"][4] = "3"
    assert_refused(project, r"row 4 \(line \d+\): optics group 3 is not in the block data_optics")


def test_no_optics_group_column(project: RelionProject) -> None:
    del project.columns["_rlnOpticsGroup"]
    assert_refused(project, "block data_particles: there is no column _rlnOpticsGroup")


def test_no_particles(project: RelionProject) -> None:
    project.columns = {label: [] for label in project.columns}
    assert_refused(project, "run_data.star holds no particles")


def test_no_image_names(project: RelionProject) -> None:
    del project.columns["_rlnImageName"]
    assert_refused(project, "block data_particles: there is no column _rlnImageName")


def test_rows_with_one_image_name_are_views_of_one_particle(project: RelionProject) -> None:
    project.columns["_rlnImageName"][4] = project.columns["_rlnImageName"][1]
    table = read_relion_particles(project.write_star())
    assert table.image_indices.tolist() == [0, 1, 2, 3, 1, 4]
    assert table.particle_indices.tolist() == [0, 1, 2, 3, 1, 4]
    assert table.file_rows.tolist() == list(range(6))


@pytest.mark.parametrize("name", ["stack.mrcs", "0@stack.mrcs", "x@stack.mrcs", "1@"])
def test_image_name_without_a_number(project: RelionProject, name: str) -> None:
    project.columns["_rlnImageName"][2] = name
    assert_refused(project, rf"row 2 .*expected number@stack.mrcs with numbers from 1, found '{name}'")


def test_angle_that_is_no_number(project: RelionProject) -> None:
    project.columns["_rlnAnglePsi"][3] = "nan"
    assert_refused(project, r"row 3 .*column _rlnAnglePsi: expected a number, found 'nan'")


def test_half_set_3(project: RelionProject) -> None:
    project.columns["_rlnRandomSubset"][3] = "3"
    assert_refused(project, r"row 3 .*expected half set 1 or 2, found 3")


@pytest.mark.parametrize("label", ["_rlnTomoName", "_rlnTomoParticleName", "_rlnTomoVisibleFrames"])
def test_tomography_columns(project: RelionProject, label: str) -> None:
    project.columns[label] = ["tomo1"] * 6
    assert_refused(project, rf"is from tomography.*\(column {label}\).*single-particle")


def test_subtomograms(project: RelionProject) -> None:
    project.optics[0]["_rlnImageDimensionality"] = "3"
    assert_refused(project, "is from tomography")


def test_real_tilt_series_is_refused(shared_data: Path) -> None:
    with pytest.raises(InputError, match=r"sta_testing_bin8.star is from tomography"):
        read_particles(shared_data / "real" / "sta_testing_bin8.star")


def test_groups_by_micrograph_are_not_taken_for_tilt_series(project: RelionProject) -> None:
    project.columns |= {"_rlnGroupName": [f"group_{row % 2}" for row in range(6)]}
    project.columns |= {"_rlnCtfScalefactor": ["0.9", "1.0"] * 3}
    assert len(read_particles(project.write_star())) == 6


def test_file_of_another_kind(project: RelionProject, tmp_path: Path) -> None:
    (tmp_path / "micrographs.star").write_text("data_micrographs\n\nloop_\n_rlnMicrographName #1\na.mrc\n")
    with pytest.raises(InputError, match=r"expected a block data_particles.*found blocks: data_micrographs"):
        read_particles(tmp_path / "micrographs.star")
    with pytest.raises(InputError, match=r"There is no file .*none.star"):
        read_particles(tmp_path / "none.star")
    (tmp_path / "stack.mrcs").write_bytes(b"")
    with pytest.raises(InputError, match=r"stack.mrcs: expected particles as .star"):
        read_particles(tmp_path / "stack.mrcs")


def check_all(project: RelionProject) -> None:
    table = read_particles(project.star)
    check_stacks(table, find_particle_file(project.star).find_images(table).paths, project.star)


def test_missing_stack(project: RelionProject) -> None:
    project.write()
    (project.folder / "Extract/job004/mic1.mrcs").unlink()
    with pytest.raises(
        InputError, match=r"run_data.star: 1 of 2 image stacks are missing: Extract/job004/mic1.mrcs"
    ):
        check_all(project)


def test_truncated_stack(project: RelionProject) -> None:
    project.write()
    os.truncate(project.folder / "Extract/job004/mic1.mrcs", 1024 + 16 * 16 * 4 * 2)
    with pytest.raises(InputError, match=r"mic1.mrcs is truncated: its header promises 3 sections.*2 whole"):
        check_all(project)


def test_stack_with_fewer_images_than_asked_for(project: RelionProject) -> None:
    project.write()
    with write_stack(project.folder / "Extract/job004/mic1.mrcs", 2.0) as writer:
        writer.append(np.ones((2, 16, 16), np.float32))
    with pytest.raises(InputError, match=r"row 5: image 3 of .*mic1.mrcs is needed, which holds 2 images"):
        check_all(project)


def test_wrong_box_in_one_stack(project: RelionProject) -> None:
    project.write()
    with write_stack(project.folder / "Extract/job004/mic1.mrcs", 2.0) as writer:
        writer.append(np.ones((3, 18, 18), np.float32))
    with pytest.raises(
        InputError, match=r"mic1.mrcs has images of 18 x 18 pixels, expected 16 x 16.*first used in row 1"
    ):
        check_all(project)


def test_missing_amplitude_contrast_is_0_as_in_relion(project: RelionProject) -> None:
    del project.optics[0]["_rlnAmplitudeContrast"]
    with pytest.warns(UserWarning, match="has no column _rlnAmplitudeContrast; 0 is taken, as RELION does"):
        table = read_particles(project.write_star())
    assert (table.amplitude_contrast == 0).all()


def test_folder_of_a_relion_job(project: RelionProject) -> None:
    (project.write_star().parent / "job.star").write_text("data_job\n")
    with pytest.raises(
        InputError, match=r"job010 is a RELION job folder; give the star file in it: run_data.star\."
    ):
        read_particles(project.star.parent)


# Real files


@pytest.mark.parametrize(
    ("name", "n_particles", "box_size", "pixel_size"),
    [("relion31.star", 5, 256, 2.806)],
)
def test_real_file_with_its_stack(
    name: str, n_particles: int, box_size: int, pixel_size: float, shared_data: Path
) -> None:
    path = shared_data / "real" / name
    table = read_particles(path)
    check_stacks(table, find_particle_file(path).find_images(table).paths, path)
    assert (len(table), table.box_size, table.pixel_size_in_angstroms) == (n_particles, box_size, pixel_size)


def test_real_relion_30_file(shared_data: Path, tmp_path: Path) -> None:
    real = shared_data / "real"
    (tmp_path / "sample.mrcs").symlink_to(real / "aspire_sample.mrcs")
    table = read_particles(real / "aspire_sample_relion_data.star", ImageSearch(tmp_path))
    assert (len(table), table.box_size) == (17, 200)
    assert table.pixel_size_in_angstroms == pytest.approx(1.338, abs=1e-3)
    stacks = (
        find_particle_file(real / "aspire_sample_relion_data.star")
        .find_images(table, ImageSearch(tmp_path))
        .paths
    )
    check_stacks(table, stacks, real / "aspire_sample_relion_data.star")


def test_real_file_without_poses(shared_data: Path) -> None:
    with pytest.raises(InputError, match=r"empiar_10076_7.star has no poses"):
        read_particles(shared_data / "real" / "empiar_10076_7.star")


def test_real_file_with_two_pixel_sizes(shared_data: Path) -> None:
    with listening(lambda notice: None) as notices:
        table = read_particles(shared_data / "real" / "relion31.6opticsgroups.star")
    assert "55 of 196 pixels of 1.24 A; 84 of 196 pixels of 1.25 A" in notices[0].sentence
    assert np.unique(table.own_pixel_sizes).tolist() == [1.24, 1.25]


def test_an_optics_block_without_a_group_is_named(project: RelionProject) -> None:
    path, (group,) = project.write_star(), [list(one.values()) for one in project.optics]
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if line.split() != group))
    with pytest.raises(InputError, match="it has no optics group"):
        read_relion_particles(path)
