"""consensus/optics_readings.csv: how the columns of optics were read, and how the images fit every reading."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gem_plugin.errors import InputError
from gem_plugin.io.whole_files import write_text_whole

YES, NO = "yes", "no"


class ReadingRow(NamedTuple):
    """One line of the table."""

    column: str  # of the .cs file, such as ctf/anisomag
    reading: str
    standard_errors_over_usual: float
    is_taken: bool


def write_readings(path: Path, rows: Sequence[ReadingRow]) -> None:
    """One line a reading."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["column", "reading", "standard_errors_over_usual", "taken"])
    for row in rows:
        writer.writerow(
            [row.column, row.reading, f"{row.standard_errors_over_usual:.2f}", YES if row.is_taken else NO]
        )
    write_text_whole(path, text.getvalue())


def read_readings(path: Path) -> dict[str, str]:  # column -> reading that was taken
    """Empty where there is no such file, as in runs of RELION particles and of version 0.1.0."""
    if not path.is_file():
        return {}
    try:
        lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        return {line["column"]: line["reading"] for line in lines if line["taken"] == YES}
    except (KeyError, UnicodeDecodeError, csv.Error):
        raise InputError(f"{path} is damaged. Run `gem-em consensus` again.") from None
