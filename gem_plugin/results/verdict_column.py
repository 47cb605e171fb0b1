"""The column verdict of states.csv: what the checks say of each state, beside its other numbers."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.results.csv_tables import read_text_rows

VERDICT = "verdict"


def write_verdict_column(table: Path, badge_of: Callable[[int], str]) -> None:
    """Give every state of the table its badge; nothing is done where there is no table."""
    rows = read_text_rows(table)
    if not rows or "state" not in rows[0]:
        return
    rows = [{**row, VERDICT: badge_of(int(row["state"]))} for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text_whole(table, text.getvalue())
