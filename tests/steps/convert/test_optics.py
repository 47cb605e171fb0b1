"""Aberrations and magnification on the way to RELION: written in its columns, where RELION's own programs keep them."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import starfile
from cryosparc_rows import make_rows

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import read_cs_rows, write_cs_rows
from gem_plugin.notices import listening
from gem_plugin.particles.from_cryosparc import read_cryosparc_particles
from gem_plugin.particles.from_relion import read_relion_particles
from gem_plugin.progress import Progress
from gem_plugin.steps.convert.settings import ConvertSettings
from gem_plugin.steps.convert.step import run_convert


def convert(**settings) -> dict:
    return run_convert(ConvertSettings(**settings), Progress())


ALL_OPTICS = {
    "ctf/tilt_A": (5400.0, -2000.0),
    "ctf/trefoil_A": (10_000.0, -3000.0),
    "ctf/shift_A": (0.5, -0.25),
    "ctf/tetra_A": (2e5, -1e5, 3e5, 0.5e5),
    "ctf/anisomag": (0.01, 0.003, -0.002, -0.004),
}


@pytest.mark.parametrize("aberration", [2.7, 0.0, -30.0])
def test_aberrations_and_magnification_are_written_and_read_back_the_same(project: Path, aberration: float):
    """Those of some particles only; without spherical aberration a tilt is written as coefficients."""
    rows = make_rows(25)
    for name, values in ALL_OPTICS.items():
        rows[name][10:] = values
    rows["ctf/cs_mm"] = aberration
    write_cs_rows(project / "J42" / "J42_011_particles.cs", rows)
    with pytest.warns(
        UserWarning, match="written in the usual reading, which CryoSPARC does not document: ctf/tref"
    ):
        convert(particles=project / "J42", out=Path("particles.star"))
    with listening(lambda notice: None):
        star, cs = read_relion_particles(Path("particles.star")), read_cryosparc_particles(project / "J42")
    for name, tolerance in (("odd_zernike", 2e-5), ("even_zernike", 1e-5), ("magnification", 1e-6)):
        found, expected = (getattr(one.optics, name)[one.optics_rows] for one in (star, cs))
        np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max())
    optics = starfile.read("particles.star")["optics"]
    assert ("rlnBeamTiltX" in optics) == (aberration != 0)


@pytest.mark.parametrize("name", ["ctf/trefoil_A", "ctf/shift_A", "ctf/tetra_A", "ctf/anisomag"])
def test_strict_refuses_what_cryosparc_does_not_document(project: Path, name: str):
    rows = make_rows(25)
    rows[name][3] = ALL_OPTICS[name]
    write_cs_rows(project / "J42" / "J42_011_particles.cs", rows)
    with pytest.raises(
        InputError, match=rf"direction of {name} is not documented .*refused because of --strict"
    ):
        convert(particles=project / "J42", out=Path("strict.star"), strict=True)
    assert not Path("strict.star").exists()


def test_strict_takes_beam_tilt(project: Path):
    rows = make_rows(25)
    rows["ctf/tilt_A"], rows["ctf/cs_mm"] = (5400.0, 0.0), 0
    write_cs_rows(project / "J42" / "J42_011_particles.cs", rows)
    convert(particles=project / "J42", out=Path("strict.star"), strict=True)
    assert "rlnOddZernike" in starfile.read("strict.star")["optics"]


@pytest.mark.relion
def test_real_relion_takes_the_coefficients(project: Path, relion: Path):
    """A subset made by RELION's own program keeps them, digit by digit but for rounding."""
    rows = make_rows(25)
    for name, values in ALL_OPTICS.items():
        rows[name] = values
    write_cs_rows(project / "J42" / "J42_011_particles.cs", rows)
    with pytest.warns(UserWarning, match="usual reading"):
        convert(particles=project / "J42", out=Path("particles.star"))
    select = ["--select", "rlnRandomSubset", "--minval", "2", "--maxval", "2"]
    arguments = ["--i", "particles.star", "--o", "half2.star", *select]
    subprocess.run([relion / "relion_star_handler", *arguments], check=True, capture_output=True)
    with listening(lambda notice: None):
        whole, half = (read_relion_particles(Path(name)).optics for name in ("particles.star", "half2.star"))
    for name in ("odd_zernike", "even_zernike", "magnification"):
        found, expected = getattr(half, name)[0], getattr(whole, name)[0]
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max(), err_msg=name)


def test_aberrations_of_a_star_file_stay_behind_on_the_way_back_and_are_named(
    project: Path, capsys: pytest.CaptureFixture
):
    rows = make_rows(25)
    rows["ctf/tilt_A"] = (5400.0, 0.0)
    write_cs_rows(project / "J42" / "J42_011_particles.cs", rows)
    convert(particles=project / "J42", out=Path("particles.star"))
    convert(particles=Path("particles.star"), out=Path("back.cs"), original=project / "J42")
    assert (
        "rlnBeamTiltX, rlnBeamTiltY"
        in re.search("Not carried over into back.cs: (.*)", capsys.readouterr().out)[1]
    )
    assert read_cs_rows(Path("back.cs")).tobytes() == rows.tobytes()


@pytest.mark.parametrize("aberration", [0.0, 1e-6])
def test_beam_tilt_without_spherical_aberration_is_never_turned_into_a_huge_angle(
    project: Path, aberration: float
):
    """RELION's tilt acts through Cs; the length that CryoSPARC gives has no such angle there, but coefficients."""
    rows = make_rows(25)
    rows["ctf/tilt_A"] = (5400.0, 0.0)  # 0.2 mrad at 2.7 mm
    rows["ctf/cs_mm"][3:7] = aberration
    write_cs_rows(project / "J42" / "J42_011_particles.cs", rows)
    convert(particles=project / "J42", out=Path("particles.star"))
    assert "rlnBeamTiltX" not in starfile.read("particles.star")["optics"]
    with listening(lambda notice: None):
        star, cs = read_relion_particles(Path("particles.star")), read_cryosparc_particles(project / "J42")
    found, expected = (one.optics.odd_zernike[one.optics_rows] for one in (star, cs))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_case_of_a_beam_tilt_without_spherical_aberration(shared_cases: Path, tmp_path: Path):
    case = shared_cases / "cryosparc" / "aberrations" / "P1" / "J83"
    convert(particles=case, out=tmp_path / "a.star", stacks="name")
    assert "rlnBeamTiltX" not in starfile.read(tmp_path / "a.star")["optics"]
    assert "rlnOddZernike" in starfile.read(tmp_path / "a.star")["optics"]
