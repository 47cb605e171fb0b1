"""CryoSPARC's filament fields as the columns that RELION's helical processing reads.

Which filament, and how far along it, has one meaning in both programs. The in-plane angle has not: other converters differ
by 90 degrees on what filament/filament_pose counts from. It is therefore carried over only where the refined poses of
the same particles show it: the helical axis, z of the map, is projected onto a line that the angle must give.
"""

import numpy as np

from gem_plugin.io.cryosparc.columns import texts_of

FILAMENT_UID, FILAMENT_ANGLE, POSITION = (
    "filament/filament_uid",
    "filament/filament_pose",
    "filament/position_A",
)
TILT_OF_FILAMENTS_IN_DEGREES = 90.0  # RELION's prior: filaments lie in the ice
MINIMUM_PARTICLES = 10  # to know by agreement what the angle counts from
MINIMUM_AGREEMENT = 0.8  # fraction of the particles; chance gives 0.2
TOLERANCE_IN_DEGREES = 20.0
READINGS = [  # sign and offset in degrees: rlnAnglePsiPrior = sign * angle + offset, as far as 180 degrees
    (-1.0, 0.0),
    (-1.0, 90.0),
    (1.0, 0.0),
    (1.0, 90.0),
]


def helical_columns(
    rows: np.ndarray,  # (n,) structured
    psi_in_degrees: np.ndarray | None,  # (n,) of the refined poses, as RELION has it; None without poses
) -> dict[str, np.ndarray]:
    """rlnHelicalTubeID, rlnHelicalTrackLengthAngst, and the priors of tilt and psi where the poses confirm the angle."""
    present = rows.dtype.names or ()
    columns: dict[str, np.ndarray] = {}
    if FILAMENT_UID in present:
        micrographs = _numbers_of_micrographs(rows)
        keys = np.stack([micrographs, rows[FILAMENT_UID].astype(np.uint64)], axis=1)
        filaments = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
        columns["rlnHelicalTubeID"] = _numbered_in_each(micrographs, filaments)
        if POSITION in present:
            columns["rlnHelicalTrackLengthAngst"] = _from_the_start(rows[POSITION], filaments)
    if FILAMENT_ANGLE in present and psi_in_degrees is not None:
        priors = _confirmed_psi(np.rad2deg(rows[FILAMENT_ANGLE].astype(np.float64)), psi_in_degrees)
        if priors is not None:
            columns["rlnAngleTiltPrior"] = np.full(len(rows), TILT_OF_FILAMENTS_IN_DEGREES)
            columns["rlnAnglePsiPrior"] = priors
    return columns


def _numbers_of_micrographs(rows: np.ndarray) -> np.ndarray:  # (n,) uint64; all 0 where none is known
    for name in ("location/micrograph_uid", "location/micrograph_path"):
        if name in (rows.dtype.names or ()):
            return texts_of(rows[name])[1].astype(np.uint64)
    return np.zeros(len(rows), np.uint64)


def _numbered_in_each(micrographs: np.ndarray, filaments: np.ndarray) -> np.ndarray:  # (n,) int64, from 1
    """RELION counts the filaments of each micrograph from 1."""
    first_of_micrograph: dict[int, int] = {}
    for micrograph, filament in zip(micrographs.tolist(), filaments.tolist()):
        first_of_micrograph[micrograph] = min(filament, first_of_micrograph.get(micrograph, filament))
    first = np.array([first_of_micrograph[micrograph] for micrograph in micrographs.tolist()], np.int64)
    return filaments - first + 1


def _from_the_start(positions: np.ndarray, filaments: np.ndarray) -> np.ndarray:  # (n,) float64, in Angstrom
    """The way along each filament from its first particle that is there."""
    starts = np.full(filaments.max(initial=-1) + 1, np.inf)
    np.minimum.at(starts, filaments, positions.astype(np.float64))
    return positions.astype(np.float64) - starts[filaments]


def _confirmed_psi(angles: np.ndarray, psi_in_degrees: np.ndarray) -> np.ndarray | None:  # (n,) degrees
    """The filament angles as RELION's psi, in the one reading that agrees with the refined psi; None where none does."""
    if len(angles) < MINIMUM_PARTICLES:
        return None
    agreements = [
        float(np.mean(_differences_of_lines(sign * angles + offset, psi_in_degrees) < TOLERANCE_IN_DEGREES))
        for sign, offset in READINGS
    ]
    best = int(np.argmax(agreements))
    if agreements[best] < MINIMUM_AGREEMENT:
        return None
    sign, offset = READINGS[best]
    return (sign * angles + offset + 180.0) % 360.0 - 180.0


def _differences_of_lines(first: np.ndarray, second: np.ndarray) -> np.ndarray:  # (n,) degrees, 0 to 90
    """Between directions without a sense: a filament looks the same from both of its ends."""
    return np.abs((first - second + 90.0) % 180.0 - 90.0)
