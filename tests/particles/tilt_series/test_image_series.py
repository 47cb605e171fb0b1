"""Files with a row per tilt image: doses from B-factors, groups, half-sets, and Warp's own file."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from tilt_projects import SERIES, changed_star, read, read_with_notices

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.stacks import write_stack


def test_the_real_file_of_warp(shared_data: Path, tmp_path: Path) -> None:
    """cryoDRGN's test file of six ribosomes, with images made here."""
    star = tmp_path / "sta_testing_bin8.star"
    star.symlink_to(shared_data / "real" / "sta_testing_bin8.star")
    with write_stack(tmp_path / "ay19102021_L3_position6_ribo_it09_bin8_1.82A.mrcs", 1.96) as stack:
        stack.append(np.zeros((220, 16, 16), np.float32))
    particles, sentences = read_with_notices(star)
    assert particles.image_counts.tolist() == [39, 39, 39, 39, 39, 24]
    assert particles.images.doses[:3].tolist() == [3.25, 6.5, 9.75]
    assert particles.images.doses.max() == pytest.approx(126.75)
    assert not particles.images.b_factor_in_square_angstroms.any()
    assert (particles.images.scale_factor.min(), particles.images.scale_factor.max()) == (0.5, 1.0)
    assert set(particles.tomograms) == {"ay19102021_L3_position6_ribo_it09_bin8"}
    assert any("dose of each tilt image is read from _rlnCtfBfactor" in sentence for sentence in sentences)


def _change(project: Path, label: str, row: int, value: object) -> None:
    with changed_star(project / SERIES) as blocks:
        blocks[""] = blocks[""].astype({label: object})
        blocks[""].loc[row, label] = value


def test_b_factors_of_both_signs_are_refused(own_project: Path) -> None:
    _change(own_project, "rlnCtfBfactor", 7, 50.0)
    with pytest.raises(InputError, match=r"row 7 .*_rlnCtfBfactor is above 0 here and below 0 in other rows"):
        read(own_project / SERIES)


def test_positive_b_factors_are_envelopes(own_project: Path) -> None:
    with changed_star(own_project / SERIES) as blocks:
        blocks[""]["rlnCtfBfactor"] = 80.0
    particles, sentences = read_with_notices(own_project / SERIES)
    assert not particles.images.doses.any()
    assert (particles.images.b_factor_in_square_angstroms == 80).all()
    assert any("no dose filter is part of their CTF" in sentence for sentence in sentences)
    with pytest.raises(InputError, match="gives no dose for its tilt images"):
        read(own_project / SERIES, max_tilts=5)


def test_a_column_of_doses_wins(own_project: Path) -> None:
    before = read(own_project / SERIES)
    with changed_star(own_project / SERIES) as blocks:
        blocks[""]["rlnMicrographPreExposure"] = blocks[""]["rlnCtfBfactor"] / -8
    np.testing.assert_allclose(read(own_project / SERIES).images.doses, before.images.doses / 2, atol=1e-4)


def test_another_column_can_say_which_rows_belong_together(own_project: Path) -> None:
    before = read(own_project / SERIES)
    with changed_star(own_project / SERIES) as blocks:
        blocks[""] = blocks[""].rename(columns={"rlnGroupName": "rlnGroupNumber"})
    with pytest.raises(InputError, match=r"no column _rlnGroupName.*there is .*_rlnGroupNumber"):
        read(own_project / SERIES)
    after = read(own_project / SERIES, grouping_column="rlnGroupNumber")
    assert after.names.tolist() == before.names.tolist()
    with pytest.raises(InputError, match="every row has a _rlnImageName of its own"):
        read(own_project / SERIES, grouping_column="rlnImageName")


def test_images_of_one_particle_in_both_half_sets_are_refused(own_project: Path) -> None:
    _change(own_project, "rlnRandomSubset", 3, 2)
    with pytest.raises(InputError, match=r"row 3 .*tilt images of particle TS_01_1 are in both half-sets"):
        read(own_project / SERIES)


def test_a_slice_that_is_not_there_and_one_that_is_used_twice(own_project: Path) -> None:
    _change(own_project, "rlnImageName", 4, "000900@particles.mrcs")
    with pytest.raises(InputError, match=r"row 4 .*image 900 of .*particles.mrcs is needed, which holds 183"):
        read(own_project / SERIES)
    _change(own_project, "rlnImageName", 4, "000003@particles.mrcs")
    with pytest.raises(InputError, match=r"row 4 .*its image 000003@particles.mrcs is also that of row 2"):
        read(own_project / SERIES)


def test_tilts_of_a_particle_may_lie_in_several_places(own_project: Path) -> None:
    """Rows of the particles mixed: the first row of each decides about the order of the particles."""
    with changed_star(own_project / SERIES) as blocks:
        blocks[""] = blocks[""].iloc[::-1]
    particles = read(own_project / SERIES)
    assert particles.names[0] == "TS_03_4"
    assert (np.diff(particles.images.particle_indices) >= 0).all()


def test_an_even_older_pixel_size_can_be_given(own_project: Path) -> None:
    with changed_star(own_project / SERIES) as blocks:
        blocks[""] = blocks[""].drop(columns=["rlnDetectorPixelSize", "rlnMagnification"])
    assert read(own_project / SERIES, pixel_size_in_angstroms=8.0).pixel_size_in_angstroms == 8.0


def test_rows_that_name_their_tomogram_are_an_image_series_too(own_project: Path) -> None:
    before = read(own_project / SERIES)
    with changed_star(own_project / SERIES) as blocks:
        blocks[""]["rlnTomoName"] = "one"
    assert read(own_project / SERIES).names.tolist() == before.names.tolist()


def test_the_pixel_size_of_images_that_were_binned_can_be_given(own_project: Path) -> None:
    """Detector and magnification are often those of the images before; the CTF is that of the pixels."""
    particles, sentences = read_with_notices(own_project / SERIES, pixel_size_in_angstroms=16.0)
    assert particles.pixel_size_in_angstroms == 16
    assert any("--pixel-size 16 A is taken, not the 8 A" in sentence for sentence in sentences)
    usual, sentences = read_with_notices(own_project / SERIES)
    assert not any("--pixel-size" in sentence for sentence in sentences)
    np.testing.assert_allclose(particles.images.shifts_in_angstroms, usual.images.shifts_in_angstroms)


def test_a_stack_with_other_pixels_than_its_file_is_warned_of(own_project: Path) -> None:
    with mrcfile.open(own_project / "image_series" / "particles.mrcs", "r+") as stack:
        stack.voxel_size = 16.0
    sentences = read_with_notices(own_project / SERIES)[1]
    assert any("has pixels of 16 A by its header" in text and "--pixel-size 16" in text for text in sentences)
    sentences = read_with_notices(own_project / SERIES, pixel_size_in_angstroms=16.0)[1]
    assert not any("by its header" in text for text in sentences)
