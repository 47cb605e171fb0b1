"""Several sets of CryoSPARC particles as one: the fields that all have, exposure groups kept apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.columns import TEXT, text_of
from gem_plugin.notices import note

EXPOSURE_GROUP = "ctf/exp_group_id"
PATH_FIELDS = ("blob/path", "location/micrograph_path")


@dataclass(frozen=True)
class RowsToJoin:
    """One of the sets."""

    sample: str
    rows: np.ndarray  # (n,) structured
    folder: Path | None  # put before the names of images; None: they stay as they are


def joined_rows(sets: Sequence[RowsToJoin]) -> np.ndarray:  # structured
    """All rows in the order of the sets. Raises InputError where two sets hold the same particle."""
    _check_uids(sets)
    tables = [one.rows if one.folder is None else _with_folder(one.rows, one.folder) for one in sets]
    names = [name for name in tables[0].dtype.names or () if _is_common(name, tables)]
    gone = dict.fromkeys(name for table in tables for name in table.dtype.names or () if name not in names)
    if gone:
        note(f"Not all samples have the fields {', '.join(gone)}: they are left out of the joined particles.")
    types: list[tuple] = [
        (name, _largest([table.dtype[name].base for table in tables]), tables[0].dtype[name].shape)
        for name in names
    ]
    joined = np.empty(sum(map(len, tables)), dtype=types)
    start, next_group = 0, 0
    for table in tables:
        part = joined[start : start + len(table)]
        for name in names:
            part[name] = table[name]
        if EXPOSURE_GROUP in names:
            different, which = np.unique(table[EXPOSURE_GROUP], return_inverse=True)
            part[EXPOSURE_GROUP] = next_group + 1 + which
            next_group += len(different)
        start += len(table)
    return joined


def _check_uids(sets: Sequence[RowsToJoin]) -> None:
    for number, one in enumerate(sets):
        for other in sets[:number]:
            shared = np.intersect1d(one.rows["uid"], other.rows["uid"])
            if len(shared):
                raise InputError(
                    f"Samples {other.sample} and {one.sample} share {len(shared)} particles, first uid {shared[0]}. Expected different "
                    "particles in each sample: take them out of one of the two."
                )


def _is_common(name: str, tables: Sequence[np.ndarray]) -> bool:
    if not all(name in (table.dtype.names or ()) for table in tables):
        return False
    kinds = {(table.dtype[name].shape, table.dtype[name].base.kind) for table in tables}
    return len(kinds) == 1


def _largest(types: Sequence[np.dtype]) -> np.dtype:
    return max(types, key=lambda one: one.itemsize)


def _with_folder(rows: np.ndarray, folder: Path) -> np.ndarray:
    """Names of images that mean the same from any folder."""
    named = {
        name: np.array([str(folder.absolute() / text_of(value).lstrip(">")) for value in rows[name].tolist()])
        for name in PATH_FIELDS
        if name in (rows.dtype.names or ()) and rows.dtype[name].kind in TEXT
    }
    encoded = {
        name: np.array([value.encode("utf-8", "surrogateescape") for value in values.tolist()])
        for name, values in named.items()
    }
    types: list[tuple] = [
        (name, encoded[name].dtype)
        if name in encoded
        else (name, rows.dtype[name].base, rows.dtype[name].shape)
        for name in rows.dtype.names or ()
    ]
    changed = np.empty(len(rows), dtype=types)
    for name in rows.dtype.names or ():
        changed[name] = encoded.get(name, rows[name])
    return changed
