"""Image series that were expanded by symmetry: which of the rows of a group are one view of its particle.

relion_particle_symmetry_expand writes the copies of every row behind it, in one order; so the second row of every image of a group
is its second view. Of one view all images are related to those of the first by one rotation, which is checked.
"""

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import COPY_LABEL, IMAGE_NAME, RelionFile
from gem_plugin.particles.identity import numbered
from gem_plugin.particles.table import ParticleTable

MAXIMUM_ANGLE_WITHIN_VIEW_IN_DEGREES = 5.0  # between the rotations of its images: rounding, and refinements


def copies_in_groups(
    file: RelionFile,
    table: ParticleTable,  # m rows of tilt images
    groups: np.ndarray,  # (m,) object array of str: the particle of every row
) -> np.ndarray:  # (m,) int64 from 0: which view of its particle each row is
    """All 0 where every image of a group has one row. InputError where images of a group have different numbers of rows, or orders."""
    pairs = numbered(table.image_indices, groups)
    if int(pairs.max(initial=-1)) + 1 == len(pairs):
        return np.zeros(len(pairs), np.int64)
    views = _places_among_equals(file, pairs)
    _check_counts(file, table, groups, pairs, views)
    _check_rotations(file, table, groups, pairs, views)
    return views


def views_by_image_names(file: RelionFile, groups: np.ndarray) -> np.ndarray:  # (m,) int64 from 0
    """The same of a file that was read before, by the names of the images alone."""
    names = read_columns(file.document, file.particles, text_labels=[IMAGE_NAME])[IMAGE_NAME]
    return _places_among_equals(file, numbered(names, groups))


def _places_among_equals(file: RelionFile, pairs: np.ndarray) -> np.ndarray:  # (m,) int64 from 0
    """Of each row among those of one image and group: by the number of the copy where the file has one, else by the order."""
    copies = read_columns(file.document, file.particles, [COPY_LABEL]).get(COPY_LABEL, np.zeros(len(pairs)))
    order = np.lexsort((np.arange(len(pairs)), copies, pairs))
    places = np.empty(len(pairs), np.int64)
    places[order] = np.arange(len(pairs)) - np.searchsorted(pairs[order], pairs[order])
    return places


def numbered_by_first_row(
    groups: np.ndarray, copies: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Views of groups in the order in which they first occur.

    groups (m,) of texts, copies (m,) int64: names (n,), their first rows (n,) int64, and the number of each row (m,) int64.
    """
    which = numbered(groups.astype(str), copies)
    first = np.unique(which, return_index=True)[1]
    return groups[first], first, which


def _check_counts(
    file: RelionFile, table: ParticleTable, groups: np.ndarray, pairs: np.ndarray, views: np.ndarray
) -> None:
    n_rows = np.bincount(pairs)[pairs]  # of the image in its group
    of_group = numbered(groups)
    smallest = np.full(int(of_group.max()) + 1, len(pairs))
    np.minimum.at(smallest, of_group, n_rows)
    wrong = np.flatnonzero(views >= smallest[of_group])
    if len(wrong):
        row = int(wrong[0])
        other = int(np.flatnonzero(pairs == pairs[row])[0])
        raise InputError(
            f"{file.at(row)}: its image {table.image_names[row]} is also that of row {other}; expected one row per tilt image, or as many "
            f"for every image of particle {groups[row]}, as symmetry expansion writes. Remove the repeated rows, or expand the file again."
        )


def _check_rotations(
    file: RelionFile, table: ParticleTable, groups: np.ndarray, pairs: np.ndarray, views: np.ndarray
) -> None:
    """The rotation from the first view to another is one for all images."""
    rotations = table.rotation_matrices.astype(np.float64)
    first_of_pair = np.zeros(int(pairs.max()) + 1, np.int64)
    first_of_pair[pairs[views == 0]] = np.flatnonzero(views == 0)
    rows = np.flatnonzero(views > 0)
    relative = np.einsum("nji,njk->nik", rotations[first_of_pair[pairs[rows]]], rotations[rows])
    _, first, which = numbered_by_first_row(groups[rows], views[rows])
    traces = (relative * relative[first[which]]).sum(axis=(1, 2))
    wrong = np.flatnonzero(traces < 1 + 2 * np.cos(np.deg2rad(MAXIMUM_ANGLE_WITHIN_VIEW_IN_DEGREES)))
    if len(wrong):
        row = int(rows[wrong[0]])
        raise InputError(
            f"{file.at(row)}: the rows of particle {groups[row]} are several for each of its images, but not in one order: which rows are "
            "one view cannot be known. Give the file as the symmetry expansion wrote it, or its particles before, with --symmetry."
        )
