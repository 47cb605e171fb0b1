"""Aberrations of tilt series are refused until they are verified; zeros are not."""

from pathlib import Path

import pytest
from tilt_projects import RELION, SERIES, changed_star, read

from gem_plugin.errors import InputError

NONE = {
    "rlnBeamTiltX": 0.0,
    "rlnBeamTiltY": 0.0,
    "rlnOddZernike": "[0,0,0,0,0,0]",
    "rlnEvenZernike": "[0,0,0]",
}
IDENTITY = {"rlnMagMat00": 1.0, "rlnMagMat01": 0.0, "rlnMagMat10": 0.0, "rlnMagMat11": 1.0}


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("rlnBeamTiltX", 0.4),
        ("rlnOddZernike", "[0,0,1.5,0,0,0]"),
        ("rlnOddZernike", "see-file"),
        ("rlnEvenZernike", "[0.2,0,0,0]"),
    ],
)
def test_aberrations(own_project: Path, label: str, value: object) -> None:
    with changed_star(own_project / "relion5" / "particles.star") as blocks:
        blocks["optics"][label] = value
    with pytest.raises(InputError, match=rf"block data_optics: _{label} is not zero.*not verified"):
        read(own_project / RELION)


def test_a_magnification_matrix(own_project: Path) -> None:
    with changed_star(own_project / "relion5" / "particles.star") as blocks:
        for label, value in (IDENTITY | {"rlnMagMat01": 0.01}).items():
            blocks["optics"][label] = value
    with pytest.raises(InputError, match=r"_rlnMagMat01 describes a distorted magnification"):
        read(own_project / RELION)


def test_beam_tilt_of_single_rows(own_project: Path) -> None:
    with changed_star(own_project / SERIES) as blocks:
        blocks[""]["rlnBeamTiltX"] = 0.0
        blocks[""].loc[8, "rlnBeamTiltX"] = 1.0
    with pytest.raises(InputError, match="_rlnBeamTiltX is not zero"):
        read(own_project / SERIES)


def test_zeros_and_the_identity_are_no_aberrations(own_project: Path) -> None:
    with changed_star(own_project / "relion5" / "particles.star") as blocks:
        for label, value in (NONE | IDENTITY).items():
            blocks["optics"][label] = value
    assert len(read(own_project / RELION)) == 12
