"""Which rows of a particle file show one image, and which are views of one physical particle.

An image is a slice of a stack, whatever its rows are called. The copies that symmetry expansion makes share an image, or,
after particle subtraction, have images of their own that come from one particle.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from gem_plugin.particles.table import ParticleTable

MAXIMUM_COPIES = (
    60  # of one particle: the order of I; more rows at one position say that the positions mean nothing
)


class Position(NamedTuple):
    """Where each particle lies in its micrograph."""

    micrographs: np.ndarray  # (n,) of names or numbers
    x: np.ndarray  # (n,) in any unit
    y: np.ndarray  # (n,)


class Identity(NamedTuple):
    """Two numbers a row, each counted from 0 in the order in which they first occur."""

    image_indices: np.ndarray  # (n,) int64: rows that one prepared image serves
    particle_indices: np.ndarray  # (n,) int64: views of one physical particle


def identify_rows(
    stack_names: np.ndarray,  # (n,) str
    slice_indices: np.ndarray,  # (n,) int64
    preparation: tuple[np.ndarray, ...],  # (n,) each: what an image is prepared by, such as its optics group
    sources: np.ndarray | None = None,  # (n,) of names or numbers: the particle that a row was made of
    has_source: np.ndarray | None = None,  # (n,) bool; default: all
    position: Position | None = None,  # asked where nothing else repeats
) -> Identity:
    """By the source of each row and its image; where every one of these is there once, by the position in the micrograph."""
    slices = numbered(stack_names, slice_indices)
    images = (
        slices if all(_is_one_value(values) for values in preparation) else numbered(slices, *preparation)
    )
    particles = slices
    if sources is not None:
        of_source = numbered(sources)
        if has_source is not None:
            of_source = _alone_unless(of_source, has_source)
        particles = joined(slices, of_source)
    if position is not None and _are_all_different(particles):
        particles = _by_position(position, len(slices))
    return Identity(images, particles)


def numbered(*columns: np.ndarray) -> np.ndarray:  # (n,) int64
    """One number for equal values in all columns, counted from 0 in the order in which they first occur."""
    import pandas as pd

    numbers, _ = _factorized(columns[0])
    for column in columns[1:]:
        more, different = _factorized(column)
        numbers, _ = pd.factorize(numbers.astype(np.int64) * len(different) + more)
    return numbers.astype(np.int64)


def _factorized(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """pandas takes the byte order of this machine only."""
    import pandas as pd

    values = np.asarray(column)
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    numbers, different = pd.factorize(native, use_na_sentinel=False)
    return numbers, different


def joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:  # (n,) int64
    """Numbers under which two rows are one where they are one in either of the two, directly or through other rows."""
    if _are_all_different(second):
        return first
    if _are_all_different(first):
        return second
    n_first, n_second = int(first.max()) + 1, int(second.max()) + 1
    links = csr_matrix(
        (np.ones(len(first), np.int8), (first, n_first + second)), shape=(n_first + n_second,) * 2
    )
    return numbered(connected_components(links, directed=False)[1][first])


def merge_linked_stacks(table: ParticleTable, stack_paths: Mapping[str, Path]) -> ParticleTable:
    """The table, with stacks that are one file under several names (links) taken as one."""
    real = {name: str(path) for name, path in resolved_paths(stack_paths).items()}
    if len(set(real.values())) == len(real):
        return table
    number_of_file = {path: number for number, path in enumerate(dict.fromkeys(real.values()))}
    number_of_name = {name: number_of_file[path] for name, path in real.items()}
    files = np.fromiter((number_of_name[name] for name in table.stack_names), np.int64, len(table))
    slices = numbered(files, table.slice_indices)
    return dataclasses.replace(
        table,
        image_indices=numbered(slices, table.optics_groups, table.contrast_sign),
        particle_indices=joined(table.particle_indices, slices),
    )


def resolved_paths(paths: Mapping[str, Path]) -> dict[str, Path]:
    """Each path without links, as Path.resolve gives it; the folders, which thousands of files share, are asked only once."""
    folders: dict[Path, Path] = {}
    resolved = {}
    for name, path in paths.items():
        if path.name in ("", "..") or path.is_symlink():
            resolved[name] = path.resolve()
            continue
        folder = path.parent
        if folder not in folders:
            folders[folder] = folder.resolve()
        resolved[name] = folders[folder] / path.name
    return resolved


def _by_position(position: Position, n_rows: int) -> np.ndarray:  # (n,) int64
    """Rows at one position of one micrograph are one particle, unless the positions cannot be meant: all 0, or one for all."""
    own = np.arange(n_rows)
    is_known = np.isfinite(position.x) & np.isfinite(position.y) & ((position.x != 0) | (position.y != 0))
    numbers = _alone_unless(numbered(*position), is_known)
    return own if np.bincount(numbers).max(initial=0) > MAXIMUM_COPIES else numbers


def _alone_unless(numbers: np.ndarray, is_known: np.ndarray) -> np.ndarray:  # (n,) int64
    """Rows without a known number get one of their own."""
    if is_known.all():
        return numbers
    return numbered(np.where(is_known, numbers, len(numbers) + np.arange(len(numbers))))


def _are_all_different(numbers: np.ndarray) -> bool:
    return int(numbers.max(initial=-1)) + 1 == len(numbers)


def _is_one_value(values: np.ndarray) -> bool:
    return len(values) == 0 or bool((values == values[0]).all())
