"""Optics of RELION files as coefficients and matrices, as RELION takes them; what is applied is noted, what cannot be is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from relion_projects import RelionProject

from gem_plugin.errors import InputError
from gem_plugin.notices import NOTE, listening
from gem_plugin.particles.from_relion import read_relion_particles
from gem_plugin.particles.optics import plain_optics
from gem_plugin.particles.table import ParticleTable
from gem_plugin.units import electron_wavelength_in_angstroms

POSITIONS = ("00", "01", "10", "11")
COMA_OF_1_MRAD = -(2 * np.pi / 3) * 2.7e7 * electron_wavelength_in_angstroms(300.0) ** 2 * 1e-3


def read(star: Path) -> tuple[ParticleTable, list[str]]:
    with listening(lambda notice: None) as heard:
        table = read_relion_particles(star)
    assert {notice.level for notice in heard} <= {NOTE}, "nothing is left uncorrected"
    return table, [notice.sentence for notice in heard]


@pytest.fixture
def project(tmp_path: Path) -> RelionProject:
    return RelionProject(tmp_path)


def magnification(*values: str) -> dict[str, str]:
    return {f"_rlnMagMat{position}": value for position, value in zip(POSITIONS, values, strict=True)}


def as_relion_30(project: RelionProject) -> None:
    """One block, all optics per particle."""
    optics = project.optics.pop()
    for label in ("_rlnOpticsGroupName", "_rlnImageSize", "_rlnImageDimensionality", "_rlnImagePixelSize"):
        optics.pop(label)
    optics["_rlnDetectorPixelSize"], optics["_rlnMagnification"] = "10", "50000"
    for label, value in optics.items():
        project.columns[label] = [value] * project.n_particles
    project.write_stacks()


def test_plain_optics_are_silent_and_one_kind(project: RelionProject) -> None:
    project.optics[0] |= {"_rlnBeamTiltX": "0.0", "_rlnBeamTiltY": "0.0", "_rlnOddZernike": "[0,0,0,0,0,0]"}
    project.optics[0] |= magnification("1.0", "0.0", "0.0", "1.0")
    table, notes = read(project.write_star())
    assert notes == []
    assert table.optics == plain_optics()


@pytest.mark.parametrize("aberration", ["2.7", "-2.7", "0"])
def test_beam_tilt_acts_through_the_signed_spherical_aberration(
    project: RelionProject, aberration: str
) -> None:
    tilt = {"_rlnBeamTiltX": "1.5", "_rlnBeamTiltY": "-2.0", "_rlnSphericalAberration": aberration}
    project.optics[0] |= tilt
    table, notes = read(project.write_star())
    scale = float(aberration) / 2.7 * COMA_OF_1_MRAD
    expected = [-4 * scale, 3 * scale, 0, -2 * scale, 1.5 * scale, 0]
    np.testing.assert_allclose(table.optics.odd_zernike[0, :6], expected, rtol=1e-6)
    assert not table.optics.odd_zernike[0, 6:].any()
    if aberration == "0":
        assert notes == []
    else:
        limit = (8 * 2.7e7 * electron_wavelength_in_angstroms(300.0) ** 2 * 2.5e-3) ** (1 / 3)
        assert "corrected here: beam tilt of up to 2.50 mrad" in notes[0]
        assert f"changes phases by 45 degrees at {limit:.1f} A" in notes[0]


@pytest.mark.parametrize(
    "tilt", [{}, {"_rlnBeamTiltX": "1.0", "_rlnBeamTiltY": "0.0"}, {"_rlnBeamTiltY": "0"}]
)
def test_a_tilt_column_adds_to_the_first_coefficients_and_replaces_the_coma(
    project: RelionProject, tilt: dict[str, str]
) -> None:
    project.optics[0] |= {"_rlnOddZernike": "[1,2,3,4,5,6]", **tilt}
    table, _ = read(project.write_star())
    coma = COMA_OF_1_MRAD if "_rlnBeamTiltX" in tilt else 0.0
    expected = [1, 2 + 2 * coma, 3, 0, coma, 6] if tilt else [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(table.optics.odd_zernike[0, :6], expected, rtol=1e-6)


def test_optics_per_particle_of_relion_30_are_read_as_those_in_data_optics(tmp_path: Path) -> None:
    optics = {"_rlnBeamTiltX": "1.0", "_rlnBeamTiltY": "0.0", "_rlnOddZernike": "[0,0,100.0,0,0,0]"}
    optics |= {"_rlnEvenZernike": "[0.3,0,0,0]", **magnification("1.04", "0.01", "0.0", "0.98")}
    projects = [RelionProject(tmp_path / name) for name in ("new", "old")]
    for project in projects:
        project.optics[0] |= optics
    as_relion_30(projects[1])
    (new, new_notes), (old, old_notes) = (read(project.write_star()) for project in projects)
    assert new.optics == old.optics
    assert len(new_notes) == 4
    assert [note.partition(": corr")[2] for note in new_notes] == [
        note.partition(": corr")[2] for note in old_notes
    ]


def test_every_particle_of_relion_30_has_its_own_tilt(project: RelionProject) -> None:
    as_relion_30(project)
    project.columns["_rlnBeamTiltX"] = ["0.0", "1.0", "0.0", "2.0", "1.0", "0.0"]
    table, _ = read(project.write_star())
    assert len(table.optics) == 3
    found = table.optics.odd_zernike[table.optics_rows, 4]
    np.testing.assert_allclose(found, COMA_OF_1_MRAD * np.array([0, 1, 0, 2, 1, 0]), rtol=1e-6)


def test_columns_of_particles_beside_data_optics_are_not_used_as_in_relion(project: RelionProject) -> None:
    project.columns["_rlnBeamTiltX"] = ["1.0"] * 6
    table, notes = read(project.write_star())
    assert table.optics == plain_optics()
    assert "rlnBeamTiltX of single particles are not used, as in RELION" in notes[0]


def test_groups_have_their_own_optics_whatever_their_numbers(project: RelionProject) -> None:
    project.optics[0] |= {"_rlnOpticsGroup": "7", "_rlnEvenZernike": "[0,1,2,3]"}
    project.optics.insert(0, {**project.optics[0], "_rlnOpticsGroup": "3", "_rlnEvenZernike": "[0.5]"})
    project.columns["_rlnOpticsGroup"] = ["7", "3", "3", "7", "3", "7"]
    table, _ = read(project.write_star())
    found = table.optics.even_zernike[table.optics_rows, :4]
    expected = {"7": [0, 1, 2, 3], "3": [0.5, 0, 0, 0]}
    np.testing.assert_array_equal(found, [expected[group] for group in project.columns["_rlnOpticsGroup"]])


def test_the_matrix_is_read_row_by_row(project: RelionProject) -> None:
    project.optics[0] |= magnification("1.02", "0.01", "-0.02", "0.99")
    table, (sentence,) = read(project.write_star())
    np.testing.assert_allclose(table.optics.magnification, [[[1.02, 0.01], [-0.02, 0.99]]], rtol=1e-6)
    assert "corrected here: a magnification matrix that stretches the images by up to" in sentence


def test_part_of_a_matrix_is_not_used_as_in_relion(project: RelionProject) -> None:
    project.optics[0] |= {"_rlnMagMat00": "1.02"}
    table, (sentence,) = read(project.write_star())
    assert table.optics == plain_optics()
    assert "without the other elements of the magnification matrix" in sentence


@pytest.mark.parametrize("label", ["_rlnOddZernike", "_rlnEvenZernike"])
def test_lists_of_every_whole_degree_are_read(project: RelionProject, label: str) -> None:
    for count in (2, 6, 12, 20) if label == "_rlnOddZernike" else (1, 4, 9, 16):
        project.optics[0][label] = "[" + ",".join(str(0.5 + i) for i in range(count)) + "]"
        table, _ = read(project.write_star())
        values = table.optics.odd_zernike if label == "_rlnOddZernike" else table.optics.even_zernike
        np.testing.assert_allclose(values[0, :count], 0.5 + np.arange(count))
        assert not values[0, count:].any()


@pytest.mark.parametrize(
    ("label", "text", "message"),
    [
        ("_rlnOddZernike", "[0,x]", r"_rlnOddZernike is \[0,x\]; expected numbers such as"),
        ("_rlnOddZernike", "[0,0,1]", "rlnOddZernike holds 3 coefficients; expected 2, 6, 12 or 20"),
        ("_rlnEvenZernike", "[0,1]", "rlnEvenZernike holds 2 coefficients; expected 1, 4, 9 or 16"),
        ("_rlnEvenZernike", "[" + "0," * 24 + "0]", "holds 25 coefficients"),
    ],
)
def test_other_lists_are_refused(project: RelionProject, label: str, text: str, message: str) -> None:
    project.optics[0][label] = text
    with pytest.raises(InputError, match=message):
        read_relion_particles(project.write_star())


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (("0", "0", "0", "0"), r"rlnMagMat is the matrix \[0 0; 0 0\], which is singular"),
        (("-1", "0", "0", "1"), "mirrors the images"),
        (("1.12", "0", "0", "1"), r"stretches the images by 5\.\d % more .* expected at most 5 %"),
        (("1.2", "0", "0", "1.2"), "scales the images by 1.200; expected 1 within 10 %"),
    ],
)
def test_matrices_that_no_microscope_has_are_refused(
    project: RelionProject, matrix: tuple[str, ...], message: str
) -> None:
    project.optics[0] |= magnification(*matrix)
    with pytest.raises(InputError, match=message):
        read_relion_particles(project.write_star())


@pytest.mark.parametrize("scale", ["1.06", "0.95"])
def test_an_isotropic_matrix_is_another_pixel_size(project: RelionProject, scale: str) -> None:
    """An image frequency s shows the true frequency M s: the true pixel size is the nominal one over the scale."""
    project.optics[0] |= magnification(scale, "0", "0", scale)
    table, _ = read(project.write_star())
    plain = replace(table, optics=plain_optics())
    views = table.view_matrices[:, :2] / table.pixel_size_in_angstroms
    true_pixel_size = plain.pixel_size_in_angstroms / float(scale)
    np.testing.assert_allclose(views, plain.rotation_matrices[:, :2] / true_pixel_size, rtol=1e-6)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (
            "04p_hr_relion30_beamtilt",
            "beam tilt of up to 1.00 mrad, which changes phases by 45 degrees at 4.4 A",
        ),
        ("04k2_evenZ00_0.3", "even aberrations"),
        ("04k3_evenZ20_0.3", "even aberrations"),
        ("04o_hr_mag1pc", r"by up to 1.00 %"),
    ],
)
def test_cases_of_optics_are_corrected(shared_cases: Path, case: str, words: str) -> None:
    (star,) = (shared_cases / "relion" / case / "Refine3D").rglob("*.star")
    assert words in " ".join(read(star)[1])
