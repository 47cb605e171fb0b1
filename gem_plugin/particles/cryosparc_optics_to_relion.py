"""CryoSPARC's aberrations and magnification as columns of RELION's data_optics."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.notices import note
from gem_plugin.particles.cryosparc_optics import (
    even_coefficients,
    kinds_of_optics,
    magnification_of,
    odd_coefficients,
)
from gem_plugin.particles.from_cryosparc import beam_tilt_in_milliradians, has_tilt_without_angle

COEFFICIENTS_WRITTEN = {"rlnOddZernike": 6, "rlnEvenZernike": 9}  # up to degree 3 and 4
WRITTEN_AS = {  # columns whose reading CryoSPARC does not document
    "ctf/trefoil_A": "rlnOddZernike",
    "ctf/shift_A": "rlnOddZernike",
    "ctf/tetra_A": "rlnEvenZernike",
    "ctf/anisomag": "rlnMagMat = (I + anisomag)^-1",
}


class RelionOptics(NamedTuple):
    """The optics of n rows, of k kinds."""

    tilt_in_milliradians: (
        np.ndarray
    )  # (n, 2), for rlnBeamTiltX and rlnBeamTiltY; 0 where coefficients hold it
    kinds: np.ndarray  # (n,) int64
    columns: dict[str, np.ndarray]  # each (k,): those that are needed; Zernike coefficients as text


def optics_for_relion(
    rows: np.ndarray,  # (n,) structured
    source: Path,  # for messages
    is_strict: bool = False,  # refuse columns whose reading is not documented
) -> RelionOptics:
    """Beam tilt as an angle where it is one in every row, else as coefficients, which RELION applies without Cs."""
    kinds, which = kinds_of_optics(rows)
    _say_how_they_are_read(kinds, source, is_strict)
    tilt = np.round(beam_tilt_in_milliradians(rows), 6)
    odd = odd_coefficients(kinds, "ctf/trefoil_A") + odd_coefficients(kinds, "ctf/shift_A")
    if has_tilt_without_angle(rows).any():
        tilt = np.zeros_like(tilt)
        odd += odd_coefficients(kinds, "ctf/tilt_A")
    columns = _zernike_columns({"rlnOddZernike": odd, "rlnEvenZernike": even_coefficients(kinds)})
    if kinds["ctf/anisomag"].any():
        magnification = magnification_of(kinds, source)
        columns |= {f"rlnMagMat{i}{j}": magnification[:, i, j] for i in range(2) for j in range(2)}
    return RelionOptics(tilt, which.astype(np.int64) if columns else np.zeros(len(rows), np.int64), columns)


def _zernike_columns(coefficients: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name: np.array([_in_brackets(row[: COEFFICIENTS_WRITTEN[name]]) for row in values], dtype=object)
        for name, values in coefficients.items()
        if values.any()
    }


def _in_brackets(values: np.ndarray) -> str:
    return "[" + ",".join(f"{value:.9g}" for value in values + 0.0) + "]"


def _say_how_they_are_read(kinds: dict[str, np.ndarray], source: Path, is_strict: bool) -> None:
    found = [name for name in WRITTEN_AS if kinds[name].any()]
    if not found:
        return
    if is_strict:
        raise InputError(
            f"{source}: the sign or direction of {', '.join(found)} is not documented by CryoSPARC; refused because of --strict. "
            "Without it the usual reading is written."
        )
    written = ", ".join(f"{name} as {WRITTEN_AS[name]}" for name in found)
    note(
        f"{source}: written in the usual reading, which CryoSPARC does not document: {written}. "
        "A run of GEM on these particles compares the readings with the images; so does CtfRefine of RELION, which fits them anew."
    )
