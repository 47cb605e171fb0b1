"""CryoSPARC's conventions: poses, shifts, signs, CTF, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from cryosparc_rows import make_rows, only_fields
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import write_cs_rows
from gem_plugin.particles.from_cryosparc import beam_tilt_in_milliradians, read_cryosparc_particles


def read(tmp_path: Path, rows: np.ndarray):
    write_cs_rows(tmp_path / "particles.cs", rows)
    return read_cryosparc_particles(tmp_path / "particles.cs")


def test_pose_is_the_transpose_of_the_rotation_vector(tmp_path: Path):
    rows = make_rows(20)
    table = read(tmp_path, rows)
    expected = Rotation.from_rotvec(rows["alignments3D/pose"].astype(float)).as_matrix().transpose(0, 2, 1)
    np.testing.assert_allclose(table.rotation_matrices, expected, atol=1e-6)


def test_shift_uses_the_pixel_size_of_the_alignment_not_of_the_image(tmp_path: Path):
    rows = make_rows(5, pixel_size=2.0)
    rows["alignments3D/psize_A"] = 4.0
    rows["alignments3D/shift"] = (3.0, -1.0)
    table = read(tmp_path, rows)
    np.testing.assert_array_equal(table.shifts_in_angstroms, np.tile(np.float32([12.0, -4.0]), (5, 1)))
    assert table.pixel_size_in_angstroms == 2.0


def test_identity_columns_keep_uid_path_index_half_and_group(tmp_path: Path):
    rows = make_rows(25)
    table = read(tmp_path, rows)
    assert table.image_names.tolist() == [str(uid) for uid in rows["uid"].tolist()]
    assert table.stack_names.tolist() == [path.decode() for path in rows["blob/path"].tolist()]
    assert table.slice_indices.tolist() == rows["blob/idx"].tolist()
    assert table.half_sets.tolist() == (rows["alignments3D/split"] + 1).tolist()
    assert table.optics_groups.tolist() == rows["ctf/exp_group_id"].tolist()
    assert set(table.contrast_sign.tolist()) == {-1.0}


def test_scale_of_the_particle_counts_only_where_the_refinement_used_it(tmp_path: Path):
    rows = make_rows(6)
    np.testing.assert_array_equal(read(tmp_path, rows).scale_factor, rows["alignments3D/alpha"])
    names = [name for name in rows.dtype.names if name != "alignments3D/alpha_min"]
    older = np.zeros(6, dtype=[(name, rows.dtype[name]) for name in names])
    for name in names:
        older[name] = rows[name]
    np.testing.assert_array_equal(read(tmp_path, older).scale_factor, np.ones(6))


def test_unused_alpha_of_the_old_real_file_fits_its_error_column(shared_data: Path):
    rows = np.load(shared_data / "real" / "cryosparc_P12_J24_001_particles.cs")
    unscaled = (
        rows["alignments3D/image_pow"] - rows["alignments3D/cross_cor"] + rows["alignments3D/slice_pow"]
    )
    np.testing.assert_allclose(rows["alignments3D/error"], unscaled, rtol=1e-6)


def test_old_real_refinement_is_read(shared_data: Path):
    table = read_cryosparc_particles(shared_data / "real" / "cryosparc_P12_J24_001_particles.cs")
    assert (len(table), table.box_size) == (2019, 180)
    assert table.pixel_size_in_angstroms == pytest.approx(2.95)
    assert set(table.half_sets.tolist()) == {1, 2}
    identity = table.rotation_matrices @ table.rotation_matrices.transpose(0, 2, 1)
    np.testing.assert_allclose(identity, np.tile(np.eye(3), (2019, 1, 1)), atol=1e-5)


def test_real_export_without_alignments_is_refused_with_advice(shared_data: Path):
    with pytest.raises(
        InputError, match=r"no 3D alignments .* slots found: blob, ctf, alignments2D. Take them from"
    ):
        read_cryosparc_particles(shared_data / "real" / "cryosparc_J2_particles_exported.cs")


def test_particle_file_without_its_passthrough_names_what_is_missing(tmp_path: Path):
    with pytest.raises(
        InputError, match=r"lacks blob/path, .*has the slots ctf, alignments3D. Give the whole job"
    ):
        read(tmp_path, only_fields(make_rows(3), "ctf", "alignments3D"))


def test_no_particles_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"holds no particles"):
        read(tmp_path, make_rows(0))


def test_one_particle_is_enough(tmp_path: Path):
    assert len(read(tmp_path, make_rows(1))) == 1


def test_several_boxes_or_pixel_sizes_are_refused(tmp_path: Path):
    rows = make_rows(6)
    rows["blob/shape"][3] = 64
    with pytest.raises(InputError, match=r"one box size, found 32 x 32, 64 x 64 pixels. Run Downsample"):
        read(tmp_path, rows)
    rows = make_rows(6)
    rows["blob/psize_A"][3] = 3.01
    with pytest.raises(InputError, match=r"expected one pixel size, found 3.0000 to 3.0100 A"):
        read(tmp_path, rows)
    rows = make_rows(6)
    rows["blob/shape"] = (32, 30)
    with pytest.raises(InputError, match=r"expected square images of one box size, found 32 x 30"):
        read(tmp_path, rows)


def test_value_that_is_no_number_is_named_by_field_row_and_uid(tmp_path: Path):
    rows = make_rows(6)
    rows["alignments3D/pose"][4, 1] = np.nan
    with pytest.raises(
        InputError,
        match=rf"alignments3D/pose is not a number in 1 of 6 rows, first in row 4 .uid {rows['uid'][4]}",
    ):
        read(tmp_path, rows)


def test_sign_must_be_one_or_minus_one(tmp_path: Path):
    rows = make_rows(3)
    rows["blob/sign"][2] = 0
    with pytest.raises(InputError, match=r"blob/sign is 0.0 in row 2; expected 1 or -1"):
        read(tmp_path, rows)
    rows["blob/sign"] = 1
    assert read(tmp_path, rows).contrast_sign.tolist() == [1, 1, 1]


def test_beam_tilt_as_an_angle():
    rows = make_rows(3)
    rows["ctf/tilt_A"] = (2.7e7 * 0.2e-3, 0.0)  # 0.2 mrad at Cs 2.7 mm
    np.testing.assert_allclose(beam_tilt_in_milliradians(rows), np.tile([0.2, 0.0], (3, 1)), atol=1e-6)


def test_files_without_beam_tilt_have_none():
    rows = only_fields(make_rows(2), "blob", "alignments3D")
    assert beam_tilt_in_milliradians(rows).tolist() == [[0, 0], [0, 0]]
