"""Beam tilt, Zernike coefficients and magnification matrices of a RELION particle file, as RELION itself takes them.

From data_optics where the file has that block, else (RELION 3.0) per particle. With a beam tilt column, tilt adds to
coefficients 0 and 1 of rlnOddZernike and takes the position of 3 and 4 (compared with relion_reconstruct).
"""

from collections.abc import Mapping

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.imaging.zernike import EVEN, EVEN_COUNTS, ODD, ODD_COUNTS
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import RelionFile
from gem_plugin.io.star.text import StarBlock
from gem_plugin.notices import note
from gem_plugin.particles.applied_optics import Aberration, check_magnification, note_applied
from gem_plugin.particles.optics import Optics, different_rows, plain_optics
from gem_plugin.particles.tilt_coefficients import zernike_of_tilt
from gem_plugin.units import ANGSTROMS_PER_MILLIMETRE, electron_wavelength_in_angstroms

OPTICS_GROUP = "_rlnOpticsGroup"
BEAM_TILT = ("_rlnBeamTiltX", "_rlnBeamTiltY")  # milliradians
ODD_ZERNIKE, EVEN_ZERNIKE = "_rlnOddZernike", "_rlnEvenZernike"  # coefficients as [a,b,...]
MAGNIFICATION = ("_rlnMagMat00", "_rlnMagMat01", "_rlnMagMat10", "_rlnMagMat11")
MICROSCOPE = ("_rlnVoltage", "_rlnSphericalAberration")
LABELS = (*BEAM_TILT, ODD_ZERNIKE, EVEN_ZERNIKE, *MAGNIFICATION)


def relion_optics(
    file: RelionFile,
    columns: Mapping[
        str, np.ndarray
    ],  # each (n,): voltage, spherical aberration, optics group of each particle
) -> tuple[Optics, np.ndarray]:  # the different ones, and which one each particle has, (n,) int32
    """Read what is applied of the optics, and say so; unlikely matrices and lists of coefficients are refused."""
    n_particles = len(columns[MICROSCOPE[0]])
    if file.optics is not None:
        _note_columns_not_used(file)
    block = file.particles if file.optics is None else file.optics
    if not set(LABELS) & set(block.labels):
        return plain_optics(), np.zeros(n_particles, np.int32)
    of_block, row_of_particle = _columns_of_block(file, block, columns)
    used, which = different_rows([of_block[label][row_of_particle] for label in of_block])
    kinds = {label: values[row_of_particle[used]] for label, values in of_block.items()}
    return _optics_of_kinds(file, kinds), which


def _columns_of_block(
    file: RelionFile, block: StarBlock, columns: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What the block says of optics, with voltage and aberration; and the row of the block of every particle, (n,)."""
    n_particles = len(columns[MICROSCOPE[0]])
    texts = (ODD_ZERNIKE, EVEN_ZERNIKE)
    found = read_columns(file.document, block, [OPTICS_GROUP, *BEAM_TILT, *MAGNIFICATION], texts)
    groups = found.pop(OPTICS_GROUP, np.zeros(0))
    if file.optics is None:
        return {**found, **{label: columns[label] for label in MICROSCOPE}}, np.arange(n_particles)
    order = np.argsort(groups, kind="stable")
    positions = np.searchsorted(groups, columns[OPTICS_GROUP], sorter=order).clip(max=len(groups) - 1)
    row_of_particle = order[positions]
    for label in MICROSCOPE:
        found[label] = np.zeros(len(groups))
        found[label][row_of_particle] = columns[label]  # one value in a group
    return found, row_of_particle


def _optics_of_kinds(file: RelionFile, kinds: Mapping[str, np.ndarray]) -> Optics:
    """The optics of k kinds of particles, from their columns (k,)."""
    n_kinds = len(kinds[MICROSCOPE[0]])
    tilt_in_mrad = np.stack([kinds.get(label, np.zeros(n_kinds)) for label in BEAM_TILT], axis=1)
    of_tilt = _coefficients_of_tilt(tilt_in_mrad, kinds)
    odd, even = _coefficients(file, kinds, ODD_ZERNIKE), _coefficients(file, kinds, EVEN_ZERNIKE)
    if set(BEAM_TILT) & set(kinds):
        odd[:, 3:5] = 0
    magnification = _magnification(file, kinds)
    largest_tilt = np.linalg.norm(tilt_in_mrad, axis=1).max(initial=0.0)
    aberrations = [
        Aberration(f"beam tilt of up to {largest_tilt:.2f} mrad", of_tilt, ODD),
        Aberration(f"odd aberrations ({ODD_ZERNIKE[1:]})", odd, ODD),
        Aberration(f"even aberrations ({EVEN_ZERNIKE[1:]})", even, EVEN),
    ]
    note_applied(file.path, aberrations, magnification)
    return Optics(*(values.astype(np.float32) for values in (odd + of_tilt, even, magnification)))


def _note_columns_not_used(file: RelionFile) -> None:
    unused = [label[1:] for label in LABELS if label in file.particles.labels]
    if unused:
        note(
            f"{file.path}: {', '.join(unused)} of single particles are not used, as in RELION, which takes them from data_optics."
        )


def _coefficients_of_tilt(
    tilt_in_milliradians: np.ndarray,  # (k, 2), ordered xy
    microscope: Mapping[str, np.ndarray],  # each (k,)
) -> np.ndarray:  # (k, 20)
    """-2 pi Cs lambda^2 s^2 (t . s) as Zernike terms: c4 = -(2 pi / 3) Cs lambda^2 t_x and c1 = 2 c4, c3 and c0 by t_y."""
    voltage, aberration = (microscope[label] for label in MICROSCOPE)
    wavelength = electron_wavelength_in_angstroms(voltage)
    length = aberration[:, None] * ANGSTROMS_PER_MILLIMETRE * 1e-3 * tilt_in_milliradians
    return zernike_of_tilt(length, wavelength)


def _magnification(file: RelionFile, kinds: Mapping[str, np.ndarray]) -> np.ndarray:  # (k, 2, 2)
    present = [label for label in MAGNIFICATION if label in kinds]
    if len(present) < len(MAGNIFICATION):
        if present:
            note(
                f"{file.path}: {present[0][1:]} is there without the other elements of the magnification matrix, which is not used, as in RELION."
            )
        return np.tile(np.eye(2), (len(kinds[MICROSCOPE[0]]), 1, 1))
    matrices = np.stack([kinds[label] for label in MAGNIFICATION], axis=1).reshape(-1, 2, 2)
    check_magnification(matrices, f"{file.path}: rlnMagMat")
    return matrices


def _coefficients(
    file: RelionFile, kinds: Mapping[str, np.ndarray], label: str
) -> np.ndarray:  # (k, 20 or 16), with zeros at the end of shorter lists
    counts = ODD_COUNTS if label == ODD_ZERNIKE else EVEN_COUNTS
    texts = kinds.get(label, np.full(len(kinds[MICROSCOPE[0]]), ""))
    coefficients = np.zeros((len(texts), counts[-1]))
    for row, text in enumerate(texts.tolist()):
        values = _numbers_in_brackets(file, label, text)
        if len(values) not in (0, *counts):
            raise InputError(
                f"{file.path}: {label[1:]} holds {len(values)} coefficients; expected {', '.join(map(str, counts[:-1]))} or {counts[-1]}, "
                "the terms up to a whole degree. Take the file from CtfRefine, or fill the list up with zeros."
            )
        coefficients[row, : len(values)] = values
    return coefficients


def _numbers_in_brackets(file: RelionFile, label: str, text: str) -> np.ndarray:
    try:
        numbers = np.array([float(part) for part in text.strip("[]\"'").split(",") if part.strip()])
    except ValueError:
        numbers = np.array([np.nan])
    if not np.isfinite(numbers).all():
        raise InputError(
            f"{file.path}: {label} is {text}; expected numbers such as [0,0,1.5]. Correct it, or take the file from CtfRefine."
        )
    return numbers
