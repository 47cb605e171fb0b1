"""The way back: which rows of a CryoSPARC data set a RELION star file holds. How rows are told apart is in row_evidence.

By uid where the star file has it; else by image name, where the place in the micrograph, the pose or the defocus confirms
it (a re-extraction uses the same names for other images); else by micrograph and coordinates. Of several copies of one
image, as symmetry expansion makes them, the pose says which one is meant. What stays uncertain is refused.
"""

from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.jobs import CryosparcParticles
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import IMAGE_NAME, RelionFile, read_relion_file
from gem_plugin.particles.cryosparc_to_relion import UID_COLUMN
from gem_plugin.particles.row_evidence import (
    COORDINATES,
    MICROGRAPH,
    Evidence,
    angles_between,
    defoci_contradict,
    evidence_of_rows,
    evidence_of_star,
    has_own_defocus,
    pairs_by_image,
    pairs_by_position,
)

SAME_POSE_IN_DEGREES = (
    0.5  # rounding of files and no refinement: other images come as close in 1 of 10 million
)
LARGEST_DRIFT_IN_DEGREES = 10.0  # of a pose that was refined again locally
CLEARLY_CLOSER = 4.0  # times closer than the next copy
COLUMNS_THAT_SAY_WHICH = (f"_{UID_COLUMN}", IMAGE_NAME, MICROGRAPH, *COORDINATES)  # particle a row is
KEEP_UIDS = f"Use a star file that GEM converted and that still has the column _{UID_COLUMN}"


def rows_in_star(
    particles: CryosparcParticles, star_path: Path
) -> np.ndarray:  # (k,) int64, in the star's order
    """Rows of the data set that the star file names; every row of the star must be found, and each once."""
    file = read_relion_file(star_path)
    if file.particles.n_rows == 0:
        raise InputError(
            f"{file.path} holds no particles, so there is nothing to bring back. Was the selection empty?"
        )
    if len(particles) == 0:
        raise InputError(
            f"{particles.source} holds no particles. Give the job that they came from with --original."
        )
    by_uid = f"_{UID_COLUMN}" in file.particles.labels
    rows = _rows_by_uid(particles, file) if by_uid else _rows_by_evidence(particles, file)
    _check_each_once(particles, file, rows)
    return rows


def _rows_by_uid(particles: CryosparcParticles, file: RelionFile) -> np.ndarray:
    texts = read_columns(file.document, file.particles, text_labels=[f"_{UID_COLUMN}"])[f"_{UID_COLUMN}"]
    try:
        requested = texts.astype(np.uint64)  # through text: a float would lose the last digits
    except (ValueError, OverflowError) as error:
        raise InputError(f"{file.path}, column _{UID_COLUMN}: expected whole numbers ({error}).") from None
    order = np.argsort(particles.rows["uid"])
    in_order = particles.rows["uid"][order]
    positions = np.searchsorted(in_order, requested).clip(max=len(in_order) - 1)
    missing = np.flatnonzero(in_order[positions] != requested)
    if len(missing):
        raise _not_found(particles, file, missing, f"column _{UID_COLUMN}")
    return order[positions]


def _rows_by_evidence(particles: CryosparcParticles, file: RelionFile) -> np.ndarray:
    star, own = evidence_of_star(file), evidence_of_rows(particles.rows)
    by_position, has_place = pairs_by_position(star, own, _tolerance_in_pixels(particles.rows))
    by_image = pairs_by_image(star, own, file)
    confirmed = by_image[_is_confirmed(star, own, by_image, by_position, has_place)]
    otherwise = by_position[~np.isin(by_position[:, 0], confirmed[:, 0])]
    pairs = np.concatenate([confirmed, otherwise])
    pairs = pairs[~defoci_contradict(star, own, pairs)]
    missing = np.setdiff1d(np.arange(len(star)), pairs[:, 0])
    if len(missing):
        doubtful = np.intersect1d(missing, by_image[:, 0])
        if len(doubtful):
            raise InputError(
                f"{file.at(int(doubtful[0]))}: {len(doubtful)} of {len(star)} particles have the image name of a particle of "
                f"{particles.source}, but neither its position in the micrograph, its pose nor its defocus. Were they extracted "
                f"again? {KEEP_UIDS}, or one with the coordinates of the original job."
            )
        raise _not_found(particles, file, missing, "column _rlnImageName")
    return _best_by_pose(particles, file, star, own, pairs)


def _tolerance_in_pixels(rows: np.ndarray) -> float:
    """How far coordinates may differ: a twentieth of the box, at least the rounding to whole pixels of both files."""
    names = rows.dtype.names or ()
    if not {"blob/shape", "blob/psize_A", "location/micrograph_psize_A"} <= set(names):
        return 2.0
    box_in_angstroms = float(np.median(rows["blob/shape"][:, 0] * rows["blob/psize_A"]))
    pixel_size = float(np.median(rows["location/micrograph_psize_A"]))
    return max(2.0, 0.05 * box_in_angstroms / pixel_size) if pixel_size > 0 else 2.0


def _is_confirmed(
    star: Evidence,
    own: Evidence,
    pairs: np.ndarray,  # (p, 2): row of the star, row of the data set, of one image name
    by_position: np.ndarray,  # (q, 2)
    has_place: np.ndarray,  # (k,) bool: the micrograph is known to both
) -> np.ndarray:  # (p,) bool
    """Where the places are known they decide; else the same pose, or the same defocus where it is no other particle's."""
    n_own = len(own)
    same_place = np.isin(pairs[:, 0] * n_own + pairs[:, 1], by_position[:, 0] * n_own + by_position[:, 1])
    same_pose = angles_between(star, own, pairs) <= SAME_POSE_IN_DEGREES
    otherwise = same_pose | has_own_defocus(star, own, pairs)
    return np.where(has_place[pairs[:, 0]], same_place, otherwise)


def _best_by_pose(
    particles: CryosparcParticles, file: RelionFile, star: Evidence, own: Evidence, pairs: np.ndarray
) -> np.ndarray:  # (k,) int64
    """Of each row's candidates the one with its pose; a single one is it, unless it may be another copy of the image."""
    angles = angles_between(star, own, pairs)  # infinite where one of the two has no pose
    order = np.lexsort((angles, pairs[:, 0]))
    pairs, angles = pairs[order], angles[order]
    first = np.searchsorted(pairs[:, 0], np.arange(len(star)))
    n_candidates = np.bincount(pairs[:, 0], minlength=len(star))
    next_angles = np.append(angles, np.inf)[first + 1]
    next_angles = np.where(n_candidates > 1, next_angles, np.inf)
    nearest = angles[first]
    is_clear = (nearest <= LARGEST_DRIFT_IN_DEGREES) & (nearest * CLEARLY_CLOSER < next_angles)
    has_copies = "sym_expand/idx" in (particles.rows.dtype.names or ())
    uncertain = np.flatnonzero(~is_clear & ((n_candidates > 1) | has_copies))
    if len(uncertain):
        raise InputError(
            f"{file.at(int(uncertain[0]))}: {len(uncertain)} of {len(star)} particles may be any of several of {particles.source}, "
            "such as copies by symmetry expansion, and their poses do not distinguish them. "
            f"{KEEP_UIDS}, or one with the poses of the original job."
        )
    return pairs[first, 1]


def _check_each_once(particles: CryosparcParticles, file: RelionFile, rows: np.ndarray) -> None:
    n_extra = len(rows) - len(np.unique(rows))
    if n_extra:
        _, first = np.unique(rows, return_index=True)
        again = int(np.setdiff1d(np.arange(len(rows)), first)[0])
        raise InputError(
            f"{file.at(again)}: {n_extra} of {len(rows)} rows are a particle of {particles.source} that another row is too; "
            "CryoSPARC holds each uid once. Were the particles expanded by symmetry in RELION? Expand them in CryoSPARC, "
            "and give that job with --original; or remove the duplicates."
        )


def _not_found(particles: CryosparcParticles, file: RelionFile, missing: np.ndarray, by: str) -> InputError:
    return InputError(
        f"{file.at(int(missing[0]))}, {by}: {len(missing)} of {file.particles.n_rows} particles are not in {particles.source}. "
        "Give the CryoSPARC job that these particles came from with --original."
    )
