"""tomograms.star and its tilt series: both ways to write geometry, and what is refused with its file and row."""

from pathlib import Path

import numpy as np
import pytest
from tilt_projects import RELION, WARPTOOLS, changed_star, read

from gem_plugin.errors import InputError
from gem_plugin.particles.tilt_series.tomograms import read_tomograms

TOMOGRAMS = "relion5/tomograms.star"


def _tilts(project: Path, number: int) -> Path:
    return project / "relion5" / "tilt_series" / f"TS_{number:02d}.star"


def _refused(project: Path, words: str, form: str = RELION) -> None:
    with pytest.raises(InputError, match=words):
        read(project / form)


def test_angles_and_matrices_of_one_series_are_one_geometry(own_project: Path) -> None:
    """The third series has matrices in RELION's form, and WarpTools' file has the same tilts."""
    relion = read_tomograms(own_project / TOMOGRAMS)["TS_03"]
    warptools = read_tomograms(own_project / "warptools" / "particles_tomograms.star")["TS_03.tomostar"]
    order = np.argsort(warptools.doses)
    np.testing.assert_allclose(relion.rotation_matrices, warptools.rotation_matrices[order], atol=1e-9)
    assert relion.hand == warptools.hand == 1


def test_matrices_win_over_angles(own_project: Path) -> None:
    before = read(own_project / RELION)
    with changed_star(_tilts(own_project, 3)) as blocks:
        blocks["TS_03"]["rlnTomoYTilt"] = 12.0
        blocks["TS_03"]["rlnTomoZRot"] = 40.0
    after = read(own_project / RELION)
    np.testing.assert_array_equal(after.images.rotation_matrices, before.images.rotation_matrices)


def test_a_missing_hand_is_refused(own_project: Path) -> None:
    with changed_star(own_project / TOMOGRAMS) as blocks:
        blocks["global"] = blocks["global"].drop(columns="rlnTomoHand")
    _refused(own_project, r"tomograms.star: there is no column _rlnTomoHand.*Add it, \+1 or -1")


def test_a_hand_that_is_none_is_refused(own_project: Path) -> None:
    with changed_star(own_project / TOMOGRAMS) as blocks:
        blocks["global"].loc[1, "rlnTomoHand"] = "0"
    _refused(own_project, r"row 1 .*_rlnTomoHand is 0; expected \+1 or -1")


def test_a_matrix_that_is_no_rotation_is_refused(own_project: Path) -> None:
    with changed_star(_tilts(own_project, 3)) as blocks:
        blocks["TS_03"].loc[4, "rlnTomoProjX"] = "[0.3,0.9,0.9,12]"
    _refused(own_project, r"TS_03.star.*row 4 .*_rlnTomoProjX, Y and Z are not a rotation")


def test_a_mirrored_matrix_is_refused(own_project: Path) -> None:
    with changed_star(own_project / "warptools" / "particles_tomograms.star") as blocks:
        table = blocks["TS_02.tomostar"]
        table["rlnTomoProjZ"] = [
            "[" + ",".join(str(-float(part)) for part in text.strip("[]").split(",")) + "]"
            for text in table["rlnTomoProjZ"]
        ]
    _refused(own_project, r"TS_02.tomostar, row 0 .*not a rotation", WARPTOOLS)


@pytest.mark.parametrize("text", ["[1,0,0]", "[1,0,0,x]", "1 0 0 0", "[nan,0,0,0]"])
def test_a_matrix_row_that_is_not_four_numbers_is_refused(own_project: Path, text: str) -> None:
    with changed_star(_tilts(own_project, 3)) as blocks:
        blocks["TS_03"].loc[2, "rlnTomoProjY"] = text
    _refused(own_project, r"row 2 .*column _rlnTomoProjY: expected four numbers as \[a,b,c,d\]")


def test_nominal_angles_alone_are_not_used(own_project: Path) -> None:
    with changed_star(_tilts(own_project, 1)) as blocks:
        blocks["TS_01"] = blocks["TS_01"].drop(columns=["rlnTomoYTilt"])
    _refused(
        own_project, r"TS_01.star.*neither a column _rlnTomoYTilt nor _rlnTomoProjX.*nominal angles are not"
    )


@pytest.mark.parametrize("label", ["rlnMicrographPreExposure", "rlnDefocusU"])
def test_dose_and_defocus_are_needed(own_project: Path, label: str) -> None:
    with changed_star(_tilts(own_project, 2)) as blocks:
        blocks["TS_02"] = blocks["TS_02"].drop(columns=[label])
    _refused(own_project, rf"TS_02.star.*there is no column _{label}")


def test_a_weight_that_is_absent_is_1_and_no_cosine(own_project: Path) -> None:
    with changed_star(_tilts(own_project, 1)) as blocks:
        blocks["TS_01"] = blocks["TS_01"].drop(columns=["rlnCtfScalefactor"])
    images = read(own_project / RELION).images
    assert (images.scale_factor[images.particle_indices < 4] == 1).all()
    assert images.scale_factor.min() < 0.8


def test_a_negative_b_factor_is_refused(own_project: Path) -> None:
    with changed_star(_tilts(own_project, 1)) as blocks:
        blocks["TS_01"]["rlnCtfBfactor"] = -12.0
    _refused(own_project, r"row 0 .*_rlnCtfBfactor is -12 A\^2; expected 0 or more.*rlnMicrographPreExposure")


def test_a_b_factor_per_dose_and_a_slope_are_taken(own_project: Path) -> None:
    before = read(own_project / RELION)
    with changed_star(own_project / TOMOGRAMS) as blocks:
        blocks["global"]["rlnCtfBfactorPerElectronDose"] = 1.5
        blocks["global"]["rlnTomoDefocusSlope"] = 0.5
    after = read(own_project / RELION)
    assert (after.images.b_factors_per_dose == 1.5).all()
    assert after.images.ctf_parameters().b_factors_per_dose is not None
    change = np.abs(after.images.defocus_u_in_angstroms - before.images.defocus_u_in_angstroms)
    assert 100 < change.max() < 2000


def test_a_file_of_another_kind(own_project: Path) -> None:
    with pytest.raises(InputError, match=r"expected the tomograms .* a block data_global"):
        read(own_project / "relion5" / "particles.star", tomograms=own_project / "relion5" / "particles.star")


def test_a_block_of_another_name_is_refused(own_project: Path) -> None:
    path = _tilts(own_project, 2)
    path.write_text(path.read_text().replace("data_TS_02", "data_other"))
    _refused(own_project, r"TS_02.star: expected a block data_TS_02 .* found data_other")


def test_a_tomogram_that_is_not_there_is_named_with_its_particle(own_project: Path) -> None:
    with changed_star(own_project / "relion5" / "particles.star") as blocks:
        blocks["particles"].loc[6, "rlnTomoName"] = "TS_77"
    _refused(own_project, r"row 6 .*particle TS_02/3: its tomogram TS_77 is not in .*tomograms.star")


def test_optics_that_contradict_the_tomograms_are_refused(own_project: Path) -> None:
    with changed_star(own_project / TOMOGRAMS) as blocks:
        blocks["global"]["rlnVoltage"] = 200.0
    _refused(own_project, r"row 0 .*_rlnVoltage is 300, but 200 in .*tomograms.star")


def test_tomograms_of_no_particle_are_not_looked_at(own_project: Path) -> None:
    """As in a subset: the file names more tomograms than are needed, and some are gone."""
    with changed_star(own_project / "relion5" / "particles.star") as blocks:
        table = blocks["particles"]
        blocks["particles"] = table[table["rlnTomoName"] != "TS_02"]
    _tilts(own_project, 2).unlink()
    assert len(read(own_project / RELION)) == 8


def test_a_tomogram_that_is_there_twice(own_project: Path) -> None:
    with changed_star(own_project / TOMOGRAMS) as blocks:
        blocks["global"].loc[1, "rlnTomoName"] = "TS_01"
    _refused(own_project, r"row 1 .*the tomogram TS_01 is there twice")


def test_blocks_without_a_name_are_taken_where_they_are_alone(own_project: Path) -> None:
    """As the Python package starfile writes single tables; RELION itself names them."""
    before = read(own_project / RELION)
    for path, name in ((own_project / TOMOGRAMS, "global"), (_tilts(own_project, 2), "TS_02")):
        path.write_text(path.read_text().replace(f"data_{name}\n", "data_\n"))
    after = read(own_project / RELION)
    np.testing.assert_array_equal(after.images.rotation_matrices, before.images.rotation_matrices)
