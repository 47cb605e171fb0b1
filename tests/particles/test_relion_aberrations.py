"""Optics that are not corrected are said to the reader with their consequence, whichever block of the file they are in."""

from pathlib import Path

import numpy as np
import pytest
from relion_projects import RelionProject

from gem_plugin.errors import InputError
from gem_plugin.notices import NOTE, WARNING, Notice, listening
from gem_plugin.particles.from_relion import read_relion_particles
from gem_plugin.particles.relion_aberrations import beam_tilt_limit_in_angstroms
from gem_plugin.units import electron_wavelength_in_angstroms

MAGNIFICATION_PLACES = ("00", "01", "10", "11")


def notices(project: RelionProject) -> list[Notice]:
    return notices_of(project.write_star())


def notices_of(star: Path) -> list[Notice]:
    with listening(lambda notice: None) as heard:
        read_relion_particles(star)
    return heard


def messages(project: RelionProject) -> list[str]:
    return [notice.sentence for notice in notices(project)]


@pytest.fixture
def project(tmp_path: Path) -> RelionProject:
    return RelionProject(tmp_path)


def magnification(*values: str) -> dict[str, str]:
    return {f"_rlnMagMat{place}": value for place, value in zip(MAGNIFICATION_PLACES, values, strict=True)}


def as_relion_30(project: RelionProject) -> None:
    """One block, all optics per particle."""
    optics = project.optics.pop()
    optics.pop("_rlnOpticsGroupName")
    optics.pop("_rlnImageSize")
    optics.pop("_rlnImageDimensionality")
    optics["_rlnDetectorPixelSize"], optics["_rlnMagnification"] = "10", "50000"
    optics.pop("_rlnImagePixelSize")
    for label, value in optics.items():
        project.columns[label] = [value] * project.n_particles
    project.write_stacks()


def test_plain_optics_are_silent(project: RelionProject) -> None:
    project.optics[0] |= {"_rlnBeamTiltX": "0.0", "_rlnBeamTiltY": "0.0", "_rlnOddZernike": "[0,0,0,0]"}
    project.optics[0] |= magnification("1.0", "0.0", "0.0", "1.0")
    assert messages(project) == []


@pytest.mark.parametrize("aberration", ["2.7", "-2.7"])
def test_beam_tilt_names_the_resolution_where_it_starts_to_matter(
    project: RelionProject, aberration: str
) -> None:
    project.optics[0] |= {
        "_rlnBeamTiltX": "1.5",
        "_rlnBeamTiltY": "-2.0",
        "_rlnSphericalAberration": aberration,
    }
    wavelength = electron_wavelength_in_angstroms(300.0)
    limit = (8 * 2.7e7 * wavelength**2 * 2.5e-3) ** (1 / 3)  # 2 pi Cs lambda^2 t / limit^3 = pi / 4
    (found,) = notices(project)
    assert found.level == WARNING
    assert (
        f"beam tilt changes phases by less than 45 degrees only at resolutions worse than {limit:.1f} A"
        in found.sentence
    )


def test_what_lies_beyond_the_images_is_a_note(project: RelionProject) -> None:
    project.optics[0] |= {"_rlnBeamTiltX": "0.1", "_rlnBeamTiltY": "0.0"}  # 2.0 A, at 2 A per pixel
    assert [notice.level for notice in notices(project)] == [NOTE]


def test_no_beam_tilt_has_no_limit() -> None:
    assert beam_tilt_limit_in_angstroms({}) == 0


def test_optics_per_particle_of_relion_30_are_warned_about_as_those_in_data_optics(tmp_path: Path) -> None:
    odd = {"_rlnBeamTiltX": "1.0", "_rlnBeamTiltY": "0.0", "_rlnOddZernike": "[0,0,100.0]"}
    odd |= {"_rlnEvenZernike": "[0.3,0]", **magnification("1.05", "0.0", "0.0", "0.95")}
    projects = [RelionProject(tmp_path / name) for name in ("new", "old")]
    for project in projects:
        project.optics[0] |= odd
    as_relion_30(projects[1])
    in_optics, per_particle = (
        [one._replace(sentence=one.sentence.partition(": not")[2]) for one in notices(project)]
        for project in projects
    )
    assert len(in_optics) == 4
    assert per_particle == in_optics


def test_one_particle_with_another_beam_tilt_counts(project: RelionProject) -> None:
    as_relion_30(project)
    project.columns["_rlnBeamTiltX"] = ["0.0"] * 5 + ["2.0"]
    assert "beam tilt" in messages(project)[0]


def test_terms_of_third_order_matter_at_high_resolution(project: RelionProject) -> None:
    project.optics[0] |= {"_rlnOddZernike": "[0,0,100]"}
    (found,) = messages(project)
    assert (
        "(_rlnOddZernike) change phases by less than 45 degrees only at resolutions worse than 5.0 A" in found
    )


@pytest.mark.parametrize("coefficients", ["[0.3,0,0]", "[0,0,0.3,0]"])
def test_constant_and_quadratic_even_terms_matter_at_every_resolution(
    project: RelionProject, coefficients: str
) -> None:
    project.optics[0] |= {"_rlnEvenZernike": coefficients}
    (found,) = notices(project)
    assert found.level == WARNING
    assert "by up to 17 degrees at every resolution, low ones too" in found.sentence


def test_magnification_names_the_resolution_where_it_starts_to_matter(project: RelionProject) -> None:
    project.optics[0] |= magnification("1.02", "0.0", "0.0", "1.0")
    (found,) = messages(project)
    defocus = np.median([float(value) for value in project.columns["_rlnDefocusU"]])
    limit = (8 * 0.02 * electron_wavelength_in_angstroms(300.0) * defocus) ** 0.5
    assert "anisotropic magnification stretches the images by up to 2.00 %" in found
    assert (
        f"a particle of 16 A across, half the box, and for its CTF only at resolutions worse than {limit:.1f} A"
        in found
    )


def test_coefficients_that_are_no_numbers_are_refused(project: RelionProject) -> None:
    project.optics[0] |= {"_rlnOddZernike": "[0,x]"}
    with pytest.raises(InputError, match=r"_rlnOddZernike is \[0,x\]; expected numbers such as"):
        notices(project)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("04p_hr_relion30_beamtilt", "beam tilt changes phases .* worse than 4.4 A"),
        ("04k2_evenZ00_0.3", "by up to 17 degrees at every resolution"),
        ("04k3_evenZ20_0.3", "by up to 17 degrees at every resolution"),
        ("04o_hr_mag1pc", r"by up to 1.00 %, .* worse than \d"),
    ],
)
def test_cases_of_uncorrected_optics(shared_cases: Path, case: str, words: str) -> None:
    import re

    (star,) = (shared_cases / "relion" / case / "Refine3D").rglob("*.star")
    assert any(re.search(words, notice.sentence) for notice in notices_of(star))
