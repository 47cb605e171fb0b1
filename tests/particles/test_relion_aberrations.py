"""Optics that are not corrected are said to the reader with their consequence."""

import warnings
from pathlib import Path

import pytest
from relion_projects import RelionProject

from gem_plugin.io.star.particles import read_relion_file
from gem_plugin.particles.relion_aberrations import beam_tilt_limit_in_angstroms, warn_about_aberrations
from gem_plugin.units import electron_wavelength_in_angstroms


def messages(project: RelionProject) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_about_aberrations(read_relion_file(project.write_star()))
    return [str(warning.message) for warning in caught]


@pytest.fixture
def project(tmp_path: Path) -> RelionProject:
    return RelionProject(tmp_path)


def test_plain_optics_are_silent(project: RelionProject) -> None:
    project.optics[0] |= {"_rlnBeamTiltX": "0.0", "_rlnBeamTiltY": "0.0"}
    project.optics[0] |= {
        f"_rlnMagMat{place}": "1.0" if place in ("00", "11") else "0.0" for place in ("00", "01", "10", "11")
    }
    assert messages(project) == []


def test_beam_tilt_names_the_resolution_where_it_starts_to_matter(project: RelionProject) -> None:
    project.optics[0] |= {"_rlnBeamTiltX": "0.3", "_rlnBeamTiltY": "-0.4"}
    wavelength = electron_wavelength_in_angstroms(300.0)
    limit = (8 * 2.7e7 * wavelength**2 * 0.5e-3) ** (1 / 3)  # 2 pi Cs lambda^2 t / limit^3 = pi / 4
    found = messages(project)
    assert len(found) == 1
    assert (
        f"beam tilt changes phases by less than 45 degrees only at resolutions worse than {limit:.1f} A"
        in found[0]
    )


def test_no_beam_tilt_has_no_limit() -> None:
    assert beam_tilt_limit_in_angstroms({}) == 0


def test_zernike_terms_and_magnification_are_named(project: RelionProject) -> None:
    project.optics[0] |= {"_rlnOddZernike": "[0,0,0.1]"}
    stretch = {"00": "1.02", "01": "0.0", "10": "0.0", "11": "1.0"}
    project.optics[0] |= {f"_rlnMagMat{place}": value for place, value in stretch.items()}
    zernike, magnification = messages(project)
    assert "higher-order aberrations (_rlnOddZernike)" in zernike
    assert "anisotropic magnification stretches the images by up to 2.00 %" in magnification
