"""tomograms.star and the tilt series that it names: geometry, defocus, dose and weight of every tilt image.

Read are the form of RELION 5 (a star file per tilt series) and that of RELION 4 and WarpTools (blocks in the same file).
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.project_folder import ImageSearch
from gem_plugin.io.star.columns import read_columns, where
from gem_plugin.io.star.text import StarBlock, StarDocument, read_star_document
from gem_plugin.particles.tilt_series.geometry import are_rotations, nearest_rotations, tilt_rotations
from gem_plugin.particles.tilt_series.named_files import find_named_file

NAME, FILE = "_rlnTomoName", "_rlnTomoTiltSeriesStarFile"
SIZES = ("_rlnTomoSizeX", "_rlnTomoSizeY", "_rlnTomoSizeZ")
PIXEL_SIZE, HAND = "_rlnTomoTiltSeriesPixelSize", "_rlnTomoHand"
GLOBAL_OPTIONAL = {"_rlnTomoDefocusSlope": 1.0, "_rlnCtfBfactorPerElectronDose": 0.0}
OPTICS = ("_rlnVoltage", "_rlnSphericalAberration", "_rlnAmplitudeContrast")
X_TILT, Y_TILT, Z_ROTATION = "_rlnTomoXTilt", "_rlnTomoYTilt", "_rlnTomoZRot"
MATRIX_ROWS = ("_rlnTomoProjX", "_rlnTomoProjY", "_rlnTomoProjZ")
DOSE = "_rlnMicrographPreExposure"
DEFOCUS_U, DEFOCUS_V, DEFOCUS_ANGLE = "_rlnDefocusU", "_rlnDefocusV", "_rlnDefocusAngle"
PHASE_SHIFT, B_FACTOR, SCALE = "_rlnPhaseShift", "_rlnCtfBfactor", "_rlnCtfScalefactor"
TILT_OPTIONAL = {DEFOCUS_ANGLE: 0.0, PHASE_SHIFT: 0.0, B_FACTOR: 0.0, SCALE: 1.0}


@dataclass(frozen=True)
class TiltSeries:
    """One tomogram with its k tilt images, rows in the order of the file: the frames that rlnTomoVisibleFrames counts."""

    name: str
    path: Path  # of the file with the tilts, for messages
    rotation_matrices: np.ndarray  # (k, 3, 3) float64: T, from the tomogram to the tilt image
    defocus_u_in_angstroms: np.ndarray  # (k,) at the centre of the tomogram
    defocus_v_in_angstroms: np.ndarray
    defocus_angle_in_degrees: np.ndarray
    phase_shift_in_degrees: np.ndarray
    b_factor_in_square_angstroms: np.ndarray
    scale_factor: np.ndarray  # (k,), as in the file: 0 and below mean that the tilt is not used
    doses: np.ndarray  # (k,) electrons per square Angstrom before the image
    b_factor_per_dose: float
    hand: float  # +1 or -1
    defocus_slope: float
    voltage_in_kilovolts: float
    spherical_aberration_in_millimetres: float
    amplitude_contrast: float
    pixel_size_in_angstroms: float  # of the tilt images
    size_in_pixels: np.ndarray  # (3,) xyz, of the tomogram in pixels of the tilt images

    def __len__(self) -> int:
        return len(self.doses)


def read_tomograms(
    path: Path,
    search: ImageSearch | None = None,
    only: Collection[str] | None = None,  # names of the tomograms that are needed; default: all
) -> dict[str, TiltSeries]:
    """The tilt series of a tomograms.star, by the name of the tomogram; those that are not there are left out."""
    document = read_star_document(path)
    block = _block(document, "global")
    if block is None:
        raise InputError(
            f"{path}: expected the tomograms of a tilt-series project, with a block data_global; it has none. "
            "Give the tomograms.star of the job that extracted the particles."
        )
    numbers = [*SIZES, PIXEL_SIZE, HAND, *OPTICS, *GLOBAL_OPTIONAL]
    columns = read_columns(document, block, numbers, [NAME, FILE])
    _check_global(document, block, columns)
    series: dict[str, TiltSeries] = {}
    for row, name in enumerate(columns[NAME].tolist()):
        if only is not None and name not in only:
            continue
        if name in series:
            raise InputError(
                f"{where(document, block, row)}: the tomogram {name} is there twice. Remove one of the two."
            )
        tilts, tilt_block = _tilts_of(document, columns, row, name, search)
        values = {label: float(column[row]) for label, column in columns.items() if label in numbers}
        series[name] = _tilt_series(name, tilts, tilt_block, values)
    return series


def _check_global(document: StarDocument, block: StarBlock, columns: dict[str, np.ndarray]) -> None:
    if HAND not in columns:
        raise InputError(
            f"{document.path}: there is no column {HAND}, so it is not known on which side of the focus a tomogram's depths lie. "
            "Add it, +1 or -1 as the tomograms were reconstructed with."
        )
    missing = [label for label in (NAME, *SIZES, PIXEL_SIZE, *OPTICS) if label not in columns]
    if missing:
        raise InputError(
            f"{document.path}, block data_global: there is no column {missing[0]}. "
            "Take the file from the job that made it; RELION needs the column too."
        )
    wrong = np.flatnonzero(~np.isin(columns[HAND], (-1, 1)))
    if len(wrong):
        raise InputError(
            f"{where(document, block, int(wrong[0]))}: {HAND} is {columns[HAND][wrong[0]]:g}; expected +1 or -1. Correct it."
        )


def _block(document: StarDocument, name: str) -> StarBlock | None:
    """The block of a name; in files that other programs have rewritten the only block, where it has no name."""
    named = document.find_block(name)
    if named is None and len(document.blocks) == 1 and not document.blocks[0].name:
        return document.blocks[0]
    return named


def _tilts_of(
    document: StarDocument,
    columns: dict[str, np.ndarray],
    row: int,
    name: str,
    search: ImageSearch | None,
) -> tuple[StarDocument, StarBlock]:
    """The table with a row per tilt image, in a file of its own or in that of the tomograms."""
    if FILE in columns:
        named = find_named_file(columns[FILE][row], document.path, f"the tilt series of {name}", search)
        document = read_star_document(named)
    block = _block(document, name)
    if block is None:
        names = ", ".join(f"data_{one.name}" for one in document.blocks[:4])
        raise InputError(
            f"{document.path}: expected a block data_{name} with the tilt images of that tomogram, found {names}. "
            f"The block must have the name in the column {NAME}; RELION reads it by that too."
        )
    return document, block


def _tilt_series(
    name: str, document: StarDocument, block: StarBlock, of_tomogram: dict[str, float]
) -> TiltSeries:
    labels = [X_TILT, Y_TILT, Z_ROTATION, DOSE, DEFOCUS_U, DEFOCUS_V, *TILT_OPTIONAL]
    columns = read_columns(document, block, labels, MATRIX_ROWS)
    for label, reason in ((DOSE, "the dose before each tilt image"), (DEFOCUS_U, "the defocus")):
        if label not in columns:
            raise InputError(
                f"{document.path}, block data_{block.name}: there is no column {label}, {reason}. "
                "Import the tilt series with their dose and estimate the CTF, as RELION needs both."
            )
    n_tilts = len(columns[DOSE])
    if n_tilts == 0:
        raise InputError(f"{document.path}, block data_{block.name}: the tilt series has no tilt images.")

    def column(label: str) -> np.ndarray:
        return columns.get(label, np.full(n_tilts, TILT_OPTIONAL[label]))

    amplified = np.flatnonzero(column(B_FACTOR) < 0)
    if len(amplified):
        raise InputError(
            f"{where(document, block, int(amplified[0]))}: {B_FACTOR} is {column(B_FACTOR)[amplified[0]]:g} A^2; expected 0 or more, since a "
            f"negative one amplifies high frequencies. Does it stand for the dose, as in files of Warp 1? The dose is read from {DOSE}."
        )

    return TiltSeries(
        name=name,
        path=document.path,
        rotation_matrices=_rotations(document, block, columns),
        defocus_u_in_angstroms=columns[DEFOCUS_U],
        defocus_v_in_angstroms=columns.get(DEFOCUS_V, columns[DEFOCUS_U]),
        defocus_angle_in_degrees=column(DEFOCUS_ANGLE),
        phase_shift_in_degrees=column(PHASE_SHIFT),
        b_factor_in_square_angstroms=column(B_FACTOR),
        scale_factor=column(SCALE),
        doses=columns[DOSE],
        b_factor_per_dose=of_tomogram.get("_rlnCtfBfactorPerElectronDose", 0.0),
        hand=of_tomogram[HAND],
        defocus_slope=of_tomogram.get("_rlnTomoDefocusSlope", 1.0),
        voltage_in_kilovolts=of_tomogram["_rlnVoltage"],
        spherical_aberration_in_millimetres=of_tomogram["_rlnSphericalAberration"],
        amplitude_contrast=of_tomogram["_rlnAmplitudeContrast"],
        pixel_size_in_angstroms=of_tomogram[PIXEL_SIZE],
        size_in_pixels=np.array([of_tomogram[label] for label in SIZES]),
    )


def _rotations(
    document: StarDocument, block: StarBlock, columns: dict[str, np.ndarray]
) -> np.ndarray:  # (k, 3, 3)
    """From the projection matrices where they are there, as RELION does; else from the angles."""
    if all(label in columns for label in MATRIX_ROWS):
        rows = [
            [_first_three(document, block, label, row, text) for row, text in enumerate(columns[label])]
            for label in MATRIX_ROWS
        ]
        matrices = np.array(rows).transpose(1, 0, 2)  # (k, 3, 3)
        scales = np.linalg.norm(matrices, axis=2).mean(axis=1)
        matrices = matrices / np.where(scales > 0, scales, 1)[:, None, None]
        wrong = np.flatnonzero(~are_rotations(matrices))
        if len(wrong):
            raise InputError(
                f"{where(document, block, int(wrong[0]))}: {MATRIX_ROWS[0]}, Y and Z are not a rotation. "
                "Expected the projection of the tilt as RELION or WarpTools writes it; align the tilt series again."
            )
        return nearest_rotations(matrices)
    missing = [label for label in (Y_TILT, Z_ROTATION) if label not in columns]
    if missing:
        raise InputError(
            f"{document.path}, block data_{block.name}: there is neither a column {missing[0]} nor {MATRIX_ROWS[0]}, Y and Z, so "
            "the directions of the tilts are not known. Align the tilt series; nominal angles are not used."
        )
    x_tilts = columns.get(X_TILT, np.zeros(len(columns[Y_TILT])))
    return tilt_rotations(x_tilts, columns[Y_TILT], columns[Z_ROTATION])


def _first_three(document: StarDocument, block: StarBlock, label: str, row: int, text: str) -> list[float]:
    """The rotation part of a row [a,b,c,d]."""
    try:
        numbers = [float(part) for part in text.strip("[] ").split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not np.isfinite(numbers).all():
        raise InputError(
            f"{where(document, block, row)}, column {label}: expected four numbers as [a,b,c,d], found {text!r}. "
            "Take the file from the job that made it."
        )
    return numbers[:3]
