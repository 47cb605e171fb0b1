"""CTF columns of a star file that cannot be in the unit that RELION gives them: refused in words that name the unit."""

from pathlib import Path

import pytest
from relion_projects import RelionProject

from gem_plugin.errors import InputError
from gem_plugin.particles.from_relion import read_relion_particles


@pytest.fixture
def project(tmp_path: Path) -> RelionProject:
    return RelionProject(tmp_path)


def assert_refused(project: RelionProject, pattern: str) -> None:
    project.write_star()
    with pytest.raises(InputError, match=pattern):
        read_relion_particles(project.star)


@pytest.mark.parametrize(
    ("label", "value", "expected"),
    [
        ("_rlnVoltage", "300000.0", "kV, such as 300"),
        ("_rlnVoltage", "0.0", "kV, such as 300"),
        ("_rlnAmplitudeContrast", "10.0", "a fraction, such as 0.1"),
        ("_rlnSphericalAberration", "27000.0", "mm, such as 2.7"),
    ],
)
def test_optics_in_another_unit(project: RelionProject, label: str, value: str, expected: str) -> None:
    project.optics[0][label] = value
    assert_refused(project, f"{label} is {float(value):g}; expected {expected}")


def test_defocus_in_micrometres(project: RelionProject) -> None:
    for label in ("_rlnDefocusU", "_rlnDefocusV"):
        project.columns[label] = [f"{float(value) / 1e4:.6f}" for value in project.columns[label]]
    assert_refused(project, "_rlnDefocusU is 1.025 in the median; expected Angstrom.*Multiply it")


def test_images_in_focus_are_read(project: RelionProject) -> None:
    for label in ("_rlnDefocusU", "_rlnDefocusV"):
        project.columns[label] = ["0.000000"] * 6
    project.write_star()
    assert read_relion_particles(project.star).defocus_u_in_angstroms.max() == 0
