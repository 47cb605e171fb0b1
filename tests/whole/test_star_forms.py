"""Particle files as the jobs of RELION 3.1 to 5 write them: read, and written back with every column in order.

Blocks, columns and layout are those of RELION's sources (exp_model.cpp, metadata_table.cpp, preprocessing.cpp,
particle_subtractor.cpp, frame_recombiner.cpp of 5.0.1-4, the newest that is public): Blush changes nothing in them,
bodies are tables of their own, and particle files hold neither rlnSelected nor rlnBodyStarFile.
"""

from pathlib import Path

import numpy as np
import pytest
import starfile
from relion_projects import OPTICS, RelionProject

from gem_plugin.results.particle_file import find_particle_file, read_particles

REFINED = {
    "_rlnGroupNumber": "1",
    "_rlnNormCorrection": "0.981234",
    "_rlnLogLikeliContribution": "12345.678900",
    "_rlnMaxValueProbDistribution": "0.912345",
    "_rlnNrOfSignificantSamples": "17",
    "_rlnClassNumber": "1",
}
EXTRACTED = {
    "_rlnCoordinateX": "123.500000",
    "_rlnCoordinateY": "2345.250000",
    "_rlnAutopickFigureOfMerit": "-999.00000",
    "_rlnCtfMaxResolution": "3.210000",
    "_rlnCtfFigureOfMerit": "0.123456",
    "_rlnCtfBfactor": "0.000000",
    "_rlnCtfScalefactor": "1.000000",
    "_rlnPhaseShift": "0.000000",
}
HELIX = {
    "_rlnHelicalTubeID": "3",
    "_rlnHelicalTrackLengthAngst": "28.500000",
    "_rlnAngleTiltPrior": "90.000000",
    "_rlnAnglePsiPrior": "-12.345678",
    "_rlnAngleRotPrior": "7.500000",
    "_rlnAnglePsiFlipRatio": "0.500000",
    "_rlnAngleRotFlipRatio": "0.500000",
    "_rlnAnglePsiFlip": "0",
}
OPTICS_OF_5 = {
    "_rlnMicrographOriginalPixelSize": "0.890000",
    "_rlnCtfDataAreCtfPremultiplied": "0",
    "_rlnMtfFileName": '"mtf k3.star"',  # between quotes where there is a space
}
RE_EXTRACTED = {
    **OPTICS_OF_5,
    "_rlnMicrographPixelSize": "2.000000",
}  # Extract from refined particles leaves it
ABERRATIONS = {
    "_rlnBeamTiltX": "0.000000",
    "_rlnBeamTiltY": "0.000000",
    "_rlnOddZernike": "[0,0,0,0,0,0]",
    "_rlnEvenZernike": "[0,0,0,0,0,0,0,0,0]",
    "_rlnMagMat00": "1.000000",
    "_rlnMagMat01": "0.000000",
    "_rlnMagMat10": "0.000000",
    "_rlnMagMat11": "1.000000",
}
PRIORS = {"_rlnOriginXPriorAngst": "0.500000", "_rlnOriginYPriorAngst": "-0.500000"}  # from local searches
BODY_COLUMNS = (
    "_rlnOriginXAngst",
    "_rlnOriginYAngst",
    "_rlnAngleRot",
    "_rlnAngleTilt",
    "_rlnAnglePsi",
    "_rlnNormCorrection",
)
BODIES = 2
FORMS = {  # version in the comment, more columns of the optics, more of the particles, fewer of these
    "Refine3D of 3.1": ("30001", {}, {**EXTRACTED, **REFINED}, ()),
    "Refine3D of 5, with or without Blush": ("50001", OPTICS_OF_5, {**EXTRACTED, **REFINED}, ()),
    "Refine3D after CtfRefine": ("50001", {**OPTICS_OF_5, **ABERRATIONS}, {**EXTRACTED, **REFINED}, ()),
    "Refine3D of re-extracted particles": ("50001", RE_EXTRACTED, {**EXTRACTED, **REFINED}, ()),
    "local Refine3D": ("50001", OPTICS_OF_5, {**EXTRACTED, **REFINED, **PRIORS}, ()),
    "columns that no version has yet": ("50100", OPTICS_OF_5, {**REFINED, "_rlnSomethingOf51": "x"}, ()),
    "Class3D": ("50001", OPTICS_OF_5, {**EXTRACTED, **REFINED}, ("_rlnRandomSubset",)),
    "Select of Class3D": ("50001", OPTICS_OF_5, {**EXTRACTED, **REFINED}, ("_rlnRandomSubset",)),
    "Subtract": ("50001", OPTICS_OF_5, {**REFINED, "_rlnImageOriginalName": "000001@Extract/a.mrcs"}, ()),
    "MultiBody": ("50001", OPTICS_OF_5, {**EXTRACTED, **REFINED}, ()),
    "Polish": ("50001", OPTICS_OF_5, {**EXTRACTED, **REFINED}, ()),
    "helical Refine3D": ("50001", OPTICS_OF_5, {**EXTRACTED, **HELIX, **REFINED}, ()),
}


def written(form: str, folder: Path) -> RelionProject:
    version, of_optics, of_particles, without = FORMS[form]
    project = RelionProject(folder)
    project.optics = [
        OPTICS | of_optics,
        OPTICS | of_optics | {"_rlnOpticsGroup": "3"},
    ]  # a gap, as after Select
    project.columns["_rlnOpticsGroup"] = ["1", "3"] * 3
    project.columns |= {label: [value] * 6 for label, value in of_particles.items()}
    for label in without:
        del project.columns[label]
    project.star.parent.mkdir(parents=True)
    text = project.star_text().replace("# version 30001", f"# version {version}")
    if form == "Polish":
        text = text.replace(".mrcs", "_shiny.mrcs")
    if form == "MultiBody":
        text += "".join(table_of_body(number) for number in range(1, BODIES + 1))
    project.star.write_text(text)
    return project


def table_of_body(number: int) -> str:
    """data_images_body_1, ...: rows in the order of the particles, without names; 203 is row 3 of body 2."""
    rows = ["   ".join(f"{100 * number + row:.6f}" for _ in BODY_COLUMNS) for row in range(6)]
    labels = [f"{label} #{column} " for column, label in enumerate(BODY_COLUMNS, 1)]
    head = ["", "# version 50001", "", f"data_images_body_{number}", "", "loop_ "]
    return "\n".join([*head, *labels, *rows, " ", ""])


@pytest.mark.parametrize("form", FORMS)
def test_poses_ctf_and_groups_are_those_of_a_plain_file(form: str, tmp_path: Path) -> None:
    table, plain = (
        read_particles(written(form, tmp_path / "a").star),
        read_particles(RelionProject(tmp_path / "b").write_star()),
    )
    for name in (
        "rotation_matrices",
        "shifts_in_angstroms",
        "defocus_u_in_angstroms",
        "voltage_in_kilovolts",
    ):
        np.testing.assert_array_equal(getattr(table, name), getattr(plain, name), err_msg=name)
    assert table.optics_groups.tolist() == [1, 3] * 3
    assert table.half_sets.tolist() == ([0] * 6 if "_rlnRandomSubset" in FORMS[form][3] else [1, 2] * 3)


@pytest.mark.parametrize("form", FORMS)
def test_every_column_of_the_chosen_rows_is_written_in_order(form: str, tmp_path: Path) -> None:
    star = written(form, tmp_path / "a").star
    target, rows = tmp_path / "b.star", np.array([1, 4])
    find_particle_file(star).write(target, rows, {"_gemState": np.arange(6)})
    before, after = (starfile.read(path, always_dict=True) for path in (star, target))
    assert list(after["particles"].columns) == [*before["particles"].columns, "gemState"]
    assert list(after["optics"].columns) == list(before["optics"].columns)
    expected = before["particles"].iloc[rows].reset_index(drop=True)
    assert after["particles"].drop(columns="gemState").equals(expected)
    assert after["particles"]["gemState"].tolist() == [1, 4]
    bodies = [name for name in before if name.startswith("images_body_")]
    assert len(bodies) == (BODIES if form == "MultiBody" else 0)
    for name in bodies:
        assert after[name].equals(before[name].iloc[rows].reset_index(drop=True))
