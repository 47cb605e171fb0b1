"""Rows that show one image in one pose: accidents of joined files, whereas the copies of an expanded set differ in pose."""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.notices import warn
from gem_plugin.particles.identity import numbered
from gem_plugin.particles.table import ParticleTable

ROWS_NAMED = 3


class Nearness(NamedTuple):
    """How far two poses may be apart."""

    degrees: float
    angstroms: float  # of the shift


SAME_POSE = Nearness(0.05, 0.05)  # rounding of files; copies by symmetry, helices too, lie farther apart
SIMILAR_POSE = Nearness(2.0, 2.0)  # of two refinements of one image


def without_duplicates(table: ParticleTable, particle_file: Path, is_dropped: bool) -> ParticleTable:
    """The table with each view once: the first row of those that show one image in one pose stays.

    Raises InputError where there are such rows and they are not to be dropped.
    """
    similar = repeated_views(table, SIMILAR_POSE)
    pairs = repeated_views(table, SAME_POSE) if len(similar) else similar
    if not len(pairs):
        _warn_about_similar_poses(table, similar, particle_file)
        return table
    which = f"{len(pairs)} of {len(table)} rows show an image in the pose that an earlier row has: {_in_words(table, pairs)}"
    if not is_dropped:
        raise InputError(
            f"{particle_file}: {which}. Expected each view once; two files with the same particles may have been joined. "
            f"Use --drop-duplicates, which leaves the later rows out, or {_other_ways(table, len(pairs))}"
        )
    warn(
        f"{particle_file}: {which}. The later rows are left out of this run, and of the files that it writes."
    )
    kept = table.take(np.setdiff1d(np.arange(len(table)), pairs[:, 0]))
    kept = dataclasses.replace(
        kept,
        image_indices=numbered(kept.image_indices),
        particle_indices=numbered(kept.particle_indices),
    )
    _warn_about_similar_poses(kept, repeated_views(kept, SIMILAR_POSE), particle_file)
    return kept


def _other_ways(table: ParticleTable, n_repeated: int) -> str:
    """Programs remove duplicates by their distance in the micrograph, so that of an expanded set one view would be left."""
    if len(np.unique(table.particle_indices)) < len(table) - n_repeated:
        return (
            "join files without them. Do not remove duplicates in RELION or CryoSPARC: of all views of one particle, such as the copies "
            "of an expansion by symmetry, one would be left."
        )
    return "remove them (RELION: Subset selection, remove duplicates; CryoSPARC: Remove Duplicate Particles)."


def repeated_views(table: ParticleTable, nearness: Nearness) -> np.ndarray:  # (k, 2) int64, sorted
    """Each row that shows an image in the pose of an earlier row, with one such row."""
    rows = np.flatnonzero(np.bincount(table.particle_indices)[table.particle_indices] > 1)
    if not len(rows):
        return np.zeros((0, 2), np.int64)
    images = numbered(table.particle_indices[rows], table.stack_names[rows], table.slice_indices[rows])
    poses = table.rotation_matrices[rows].reshape(-1, 9)
    shifts = table.shifts_in_angstroms[rows]
    found = _near_pairs(images, poses, shifts, nearness)
    return rows[found[np.argsort(found[:, 0])]]


def _near_pairs(
    images: np.ndarray,  # (n,) int64
    poses: np.ndarray,  # (n, 9) rotation matrices
    shifts: np.ndarray,  # (n, 2) Angstrom
    nearness: Nearness,
) -> np.ndarray:  # (k, 2) int64: later row, earlier row
    """Rows are sorted by one number of their pose, which differs little where the poses do; only neighbours are compared."""
    distance = 2 * np.sqrt(2) * np.sin(np.deg2rad(nearness.degrees) / 2)  # of two matrices, as Frobenius norm
    direction = np.random.default_rng(0).normal(size=9)
    along = poses.astype(np.float64) @ (
        direction / np.linalg.norm(direction)
    )  # differs by that distance at most
    order = np.lexsort((along, images))
    found, step = [], 1
    while step < len(order):
        first, second = order[:-step], order[step:]
        is_candidate = (images[first] == images[second]) & (along[second] - along[first] <= distance)
        if not is_candidate.any():
            break
        first, second = first[is_candidate], second[is_candidate]
        is_near = (np.linalg.norm(poses[first].astype(np.float64) - poses[second], axis=1) <= distance) & (
            np.linalg.norm(shifts[first].astype(np.float64) - shifts[second], axis=1) <= nearness.angstroms
        )
        if not is_near.any():
            step += 1
            continue
        pairs = np.sort(np.stack([first[is_near], second[is_near]], axis=1), axis=1)[:, ::-1]
        later, position = np.unique(pairs[:, 0], return_index=True)
        found.append(pairs[position])
        order, step = order[~np.isin(order, later)], 1
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


def _warn_about_similar_poses(table: ParticleTable, pairs: np.ndarray, particle_file: Path) -> None:
    if len(pairs):
        warn(
            f"{particle_file}: {len(pairs)} of {len(table)} rows show an image in nearly the pose of an earlier row (less than "
            f"{SIMILAR_POSE.degrees:g} degrees apart): {_in_words(table, pairs)}. They count as further views of one particle; were two "
            "refinements of the same particles joined? Then leave one of the two out."
        )


def _in_words(table: ParticleTable, pairs: np.ndarray) -> str:
    """The first pairs with the numbers of their rows in the file."""
    named = [
        f"row {table.file_rows[later]} as row {table.file_rows[earlier]} ({table.image_names[later]})"
        for later, earlier in pairs[:ROWS_NAMED].tolist()
    ]
    return ", ".join(named) + (", ..." if len(pairs) > ROWS_NAMED else "")
