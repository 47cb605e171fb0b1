"""CryoSPARC to RELION and back: nothing lost, nothing guessed."""

import shutil
import subprocess
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile
from cryosparc_rows import make_rows

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import read_cs_rows, write_cs_rows
from gem_plugin.particles.from_cryosparc import read_cryosparc_particles
from gem_plugin.particles.from_relion import read_relion_particles
from gem_plugin.progress import Progress
from gem_plugin.steps.convert.settings import ConvertSettings
from gem_plugin.steps.convert.step import run_convert

REAL_FILES = ["cryosparc_J2_particles_exported.cs", "cryosparc_P12_J24_001_particles.cs", "empiar_10076_7.cs"]
TABLE_FIELDS = [
    "rotation_matrices",
    "shifts_in_angstroms",
    "defocus_u_in_angstroms",
    "defocus_v_in_angstroms",
]
TABLE_FIELDS += [
    "defocus_angle_in_degrees",
    "phase_shift_in_degrees",
    "b_factor_in_square_angstroms",
    "scale_factor",
]
TABLE_FIELDS += [
    "voltage_in_kilovolts",
    "spherical_aberration_in_millimetres",
    "amplitude_contrast",
    "half_sets",
]


def convert(**settings) -> dict:
    return run_convert(ConvertSettings(**settings), Progress())


def test_star_of_a_cryosparc_job_reads_as_the_same_table(project: Path):
    convert(particles=project / "J42", out=Path("particles.star"))
    from_star = read_relion_particles(Path("particles.star"))
    from_cs = read_cryosparc_particles(project / "J42")
    for name in TABLE_FIELDS:
        np.testing.assert_allclose(
            getattr(from_star, name), getattr(from_cs, name), rtol=1e-6, atol=3e-6, err_msg=name
        )
    assert from_star.pixel_size_in_angstroms == pytest.approx(from_cs.pixel_size_in_angstroms)
    assert from_star.box_size == from_cs.box_size
    assert from_star.slice_indices.tolist() == from_cs.slice_indices.tolist()
    names = starfile.read("particles.star")["optics"]["rlnOpticsGroupName"].tolist()
    assert names == ["opticsGroup1", "opticsGroup2", "opticsGroup3"]


def test_micrograph_names_and_coordinates_are_written(project: Path):
    convert(particles=project / "J42", out=Path("particles.star"))
    table, rows = starfile.read("particles.star")["particles"], make_rows(25)
    assert table["rlnMicrographName"][24] == "J2/motion/mic_2.mrc"
    np.testing.assert_allclose(table["rlnCoordinateX"], rows["location/center_x_frac"] * 4000.0, rtol=1e-6)
    np.testing.assert_allclose(table["rlnCoordinateY"], rows["location/center_y_frac"] * 4096.0, rtol=1e-6)


def test_links_have_mrcs_names_and_lead_to_the_original_images(project: Path):
    convert(particles=project / "J42", out=Path("particles.star"))
    name = starfile.read("particles.star")["particles"]["rlnImageName"][12]
    assert name == "000003@particles_stacks/J7/extract/001_mic_1_particles.mrcs"
    link = Path(name.split("@")[1])
    assert link.is_symlink()
    assert link.resolve() == (project / "J7/extract/001_mic_1_particles.mrc").resolve()


def test_white_copies_are_the_images_times_minus_one(project: Path):
    convert(particles=project / "J42", out=Path("white.star"), stacks="white")
    copy = Path("white_stacks/J7/extract/002_mic_2_particles.mrcs")
    original = mrcfile.read(project / "J7/extract/002_mic_2_particles.mrc")
    np.testing.assert_array_equal(mrcfile.read(copy), -original)


def test_dark_images_are_announced(project: Path, capsys: pytest.CaptureFixture):
    convert(particles=project / "J42", out=Path("particles.star"))
    assert "dark on light (blob/sign -1), RELION expects white particles" in capsys.readouterr().out


def test_subset_comes_back_by_uid_with_every_byte(project: Path, tmp_path: Path):
    convert(particles=project / "J42", out=Path("particles.star"))
    tables = starfile.read("particles.star")
    tables["particles"] = tables["particles"].iloc[[20, 3, 7]]
    starfile.write(tables, "subset.star")
    convert(particles=Path("subset.star"), out=Path("subset.cs"), original=project / "J42")
    assert read_cs_rows(Path("subset.cs")).tobytes() == make_rows(25)[[20, 3, 7]].tobytes()
    assert Path("subset.csg").exists()


def test_subset_comes_back_by_image_name_where_uids_were_lost(project: Path):
    convert(particles=project / "J42", out=Path("particles.star"))
    tables = starfile.read("particles.star")
    tables["particles"] = tables["particles"].iloc[[20, 3, 7]].drop(columns="gemCryosparcUid")
    starfile.write(tables, "subset.star")
    convert(particles=Path("subset.star"), out=Path("subset.cs"), original=project / "J42")
    assert read_cs_rows(Path("subset.cs")).tobytes() == make_rows(25)[[20, 3, 7]].tobytes()


def test_particles_of_another_job_are_counted(project: Path):
    convert(particles=project / "J42", out=Path("particles.star"))
    write_cs_rows(project / "J43" / "J43_001_particles.cs", make_rows(25)[:20])
    with pytest.raises(
        InputError, match=r"row 20 \(line \d+\), .*5 of 25 particles are not in .*J43_001_particles.cs"
    ):
        convert(particles=Path("particles.star"), out=Path("s.cs"), original=project / "J43")


@pytest.mark.parametrize("name", REAL_FILES)
def test_real_files_to_star_and_back_lose_nothing(shared_data: Path, tmp_path: Path, name: str):
    original, star, back = shared_data / "real" / name, tmp_path / "all.star", tmp_path / "back.cs"
    convert(particles=original, out=star, stacks="name")
    convert(particles=star, out=back, original=original)
    rows, returned = read_cs_rows(original), read_cs_rows(back)
    assert returned.dtype == rows.dtype
    assert returned.tobytes() == rows.tobytes()


def test_real_refinement_to_star_keeps_poses_and_ctf(shared_data: Path, tmp_path: Path):
    original = shared_data / "real" / "cryosparc_P12_J24_001_particles.cs"
    convert(particles=original, out=tmp_path / "all.star", stacks="name")
    from_star, from_cs = read_relion_particles(tmp_path / "all.star"), read_cryosparc_particles(original)
    for name in TABLE_FIELDS:
        np.testing.assert_allclose(
            getattr(from_star, name), getattr(from_cs, name), rtol=1e-6, atol=3e-6, err_msg=name
        )


def test_real_pair_agrees_in_its_optics_and_defocus(shared_data: Path, tmp_path: Path):
    """EMPIAR-10076 as CryoSPARC, converted by us, and as the star file that came with it."""
    convert(particles=shared_data / "real" / "empiar_10076_7.cs", out=tmp_path / "ours.star", stacks="name")
    ours, theirs = (
        starfile.read(tmp_path / "ours.star"),
        starfile.read(shared_data / "real" / "empiar_10076_7.star"),
    )
    for column in ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle"):
        np.testing.assert_allclose(ours["particles"][column], theirs[column], rtol=1e-6)
    assert ours["optics"]["rlnSphericalAberration"].tolist() == [2.7]
    assert ours["optics"]["rlnVoltage"].tolist() == [300]
    assert ours["optics"]["rlnAmplitudeContrast"].tolist() == [0.07]
    magnified = theirs["rlnDetectorPixelSize"][0] * 1e4 / theirs["rlnMagnification"][0]
    assert ours["optics"]["rlnImagePixelSize"][0] == pytest.approx(magnified, rel=1e-6)


def test_constant_split_writes_no_half_sets_and_says_so(project: Path):
    """RELION's auto-refine ends with an error where one half-set is empty."""
    rows = make_rows(25)
    rows["alignments3D/split"] = 1
    write_cs_rows(project / "J42" / "J42_011_particles.cs", rows)
    with pytest.warns(UserWarning, match="split is 1 in all 25 particles.*rlnRandomSubset is left out"):
        convert(particles=project / "J42", out=Path("particles.star"))
    assert "rlnRandomSubset" not in starfile.read("particles.star")["particles"]
    assert read_relion_particles(Path("particles.star")).half_sets.tolist() == [0] * 25


def test_rows_of_one_half_set_write_no_half_sets(project: Path):
    Path("rows.txt").write_text("0\n2\n4\n")
    with pytest.warns(UserWarning, match="split is 0 in all 3 particles"):
        convert(particles=project / "J42", out=Path("particles.star"), rows=Path("rows.txt"))
    assert "rlnRandomSubset" not in starfile.read("particles.star")["particles"]


def test_case_of_a_constant_split(shared_cases: Path, tmp_path: Path):
    with pytest.warns(UserWarning, match="rlnRandomSubset is left out"):
        convert(
            particles=shared_cases / "cryosparc" / "constant_split" / "P1" / "J42",
            out=tmp_path / "a.star",
            stacks="name",
        )
    assert "rlnRandomSubset" not in starfile.read(tmp_path / "a.star")["particles"]


def test_beam_tilts_split_an_exposure_group(project: Path):
    rows = make_rows(25)
    rows["ctf/exp_group_id"] = 4
    rows["ctf/tilt_A"][10:] = (2.7e7 * 0.3e-3, 0.0)  # 0.3 mrad at Cs 2.7 mm
    write_cs_rows(project / "J42" / "J42_011_particles.cs", rows)
    convert(particles=project / "J42", out=Path("particles.star"))
    tables = starfile.read("particles.star")
    assert tables["optics"]["rlnOpticsGroupName"].tolist() == ["opticsGroup4", "opticsGroup4_2"]
    np.testing.assert_allclose(tables["optics"]["rlnBeamTiltX"], [0.0, 0.3], atol=1e-5)
    assert tables["particles"]["rlnOpticsGroup"].tolist() == [1] * 10 + [2] * 15


def test_missing_stacks_are_named_before_anything_is_written(project: Path):
    shutil.rmtree(project / "J7")
    with pytest.raises(
        InputError, match=r"3 of 3 image stacks are missing: J7/extract/000_mic_0_particles.mrc"
    ):
        convert(particles=project / "J42", out=Path("particles.star"))
    assert not Path("particles.star").exists()


def test_star_without_its_original_and_odd_pairs_of_endings_are_refused(project: Path):
    with pytest.raises(InputError, match="a star file alone has no CryoSPARC uids"):
        convert(particles=Path("a.star"), out=Path("b.cs"))
    with pytest.raises(InputError, match=r"Cannot convert a.cs to b.cs"):
        convert(particles=Path("a.cs"), out=Path("b.cs"))


def test_missing_options_are_named():
    with pytest.raises(InputError, match="--particles is missing"):
        convert(out=Path("b.star"))
    with pytest.raises(InputError, match="--out is missing"):
        convert(particles=Path("J42"))


@pytest.mark.relion
def test_real_relion_reads_the_star_and_keeps_the_uids(project: Path, relion: Path):
    convert(particles=project / "J42", out=Path("particles.star"))
    select = ["--select", "rlnRandomSubset", "--minval", "2", "--maxval", "2"]
    subprocess.run(
        [relion / "relion_star_handler", "--i", "particles.star", "--o", "half2.star", *select],
        check=True,
        capture_output=True,
    )
    convert(particles=Path("half2.star"), out=Path("half2.cs"), original=project / "J42")
    assert read_cs_rows(Path("half2.cs")).tobytes() == make_rows(25)[1::2].tobytes()
    done = subprocess.run(
        [relion / "relion_reconstruct", "--i", "particles.star", "--o", "map.mrc", "--ctf"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert mrcfile.read("map.mrc").shape == (32, 32, 32)
