"""A table that a user made: csv (comma, semicolon or tab), star, or .cs; every value as text."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.columns import TEXT, text_of
from gem_plugin.io.cryosparc.files import read_cs_rows
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.text import read_star_document

SEPARATORS = ",;\t"


class OwnTable:
    """Columns of text by their names; of star files without the first underscore."""

    def __init__(self, path: Path, columns: dict[str, np.ndarray]) -> None:
        self.path, self.columns = path, columns

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def column(self, name: str) -> np.ndarray:  # (rows,) object array of str
        """A column by its name; InputError names those that are there."""
        if name.lstrip("_") not in self.columns:
            raise InputError(f"{self.path} has no column {name}; it has {', '.join(self.columns)}.")
        return self.columns[name.lstrip("_")]

    def first_of(self, names: Sequence[str]) -> str | None:
        """The first of the names that is a column."""
        return next((name for name in names if name in self.columns), None)


def read_own_table(path: Path) -> OwnTable:
    """Read a table by the ending of its name; InputError where it holds no rows."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}. Expected a table: .csv, .tsv, .star or .cs.")
    readers = {".star": _read_star, ".cs": _read_cs}
    columns = readers.get(path.suffix, _read_csv)(path)
    if not columns or not len(next(iter(columns.values()))):
        raise InputError(
            f"{path} holds no rows; expected a line of column names, and one row for each particle or micrograph."
        )
    return OwnTable(path, columns)


def _read_csv(path: Path) -> dict[str, np.ndarray]:
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:
        first_line = handle.readline()
        handle.seek(0)
        separator = max(SEPARATORS, key=first_line.count)
        header, *rows = list(csv.reader(handle, delimiter=separator)) or [[]]
    header = [name.strip().lstrip("_") for name in header]
    rows = [row for row in rows if row]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise InputError(
                f"{path}, line {number}: expected {len(header)} values, one for each column name, found {len(row)}. Repair that line."
            )
    return {name: _texts([row[index].strip() for row in rows]) for index, name in enumerate(header) if name}


def _read_star(path: Path) -> dict[str, np.ndarray]:
    """The largest table of the file."""
    document = read_star_document(path)
    loops = [block for block in document.blocks if block.is_loop]
    if not loops:
        return {}
    block = max(loops, key=lambda one: one.n_rows)
    columns = read_columns(document, block, text_labels=block.labels)
    return {label.lstrip("_"): values for label, values in columns.items()}


def _read_cs(path: Path) -> dict[str, np.ndarray]:
    rows = read_cs_rows(path)
    return {name: texts_of_field(rows[name]) for name in rows.dtype.names or () if rows[name].ndim == 1}


def texts_of_field(values: np.ndarray) -> np.ndarray:  # (n,) -> (n,) object array of str
    """Values of a .cs field as text; whole numbers without a point."""
    different, which = np.unique(values, return_inverse=True)
    shown = [
        text_of(value)
        if values.dtype.kind in TEXT
        else f"{value:.9g}"
        if values.dtype.kind == "f"
        else str(value)
        for value in different.tolist()
    ]
    return _texts(shown)[which]


def _texts(values: Sequence[str]) -> np.ndarray:
    texts = np.empty(len(values), dtype=object)
    texts[:] = values
    return texts
