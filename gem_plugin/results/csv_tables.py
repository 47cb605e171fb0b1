"""Tables that steps leave as csv files, read in one place."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.io.whole_files import write_text_whole


def read_number_columns(path: Path) -> dict[str, np.ndarray]:
    """A csv file of numbers by column; empty where it does not exist, NaN where a field is empty."""
    rows = read_text_rows(path)
    names = list(rows[0]) if rows else []
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}


def read_text_rows(path: Path) -> list[dict[str, str]]:
    """A csv file as rows; empty where it does not exist."""
    if not path.is_file():
        return []
    with open(path, encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def read_map_table(path: Path) -> dict[str, dict[str, float]]:
    """maps.csv of reconstruct as {map: {column: number}}; empty fields are left out."""
    return {
        row["map"]: {name: float(value) for name, value in row.items() if name != "map" and value}
        for row in read_text_rows(path)
    }


def csv_text(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table as text, numbers to six digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([f"{value:.6g}" if isinstance(value, float) else value for value in row] for row in rows)
    return buffer.getvalue()


def write_text_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """The same as a whole file."""
    write_text_whole(path, csv_text(header, rows))
