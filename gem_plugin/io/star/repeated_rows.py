"""Star files in which rows of the original come several times, each with other values in some columns: views of particles.

All other text is that of the original, byte for byte, as in edit.py.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.star.columns import where
from gem_plugin.io.star.companions import tables_with_a_row_per_particle
from gem_plugin.io.star.edit import ROWS_AT_A_TIME, header_with_labels, is_replaced
from gem_plugin.io.star.text import StarBlock, StarDocument, value_spans

VALUE = re.compile(r"[^ \t\r\n]+")


def repeated_rows_pieces(
    document: StarDocument,
    block: StarBlock,  # a loop
    rows: np.ndarray,  # (k,) int64: row of the block of each written row, never falling
    changed: Mapping[str, Sequence[str | None]],  # label -> k texts; None keeps that of the original
    added: Sequence[str],  # labels of new columns; columns of these labels are replaced
    values: Sequence[Sequence[str]],  # k rows of one text for each added label
    left_out: Sequence[str] = (),  # labels of columns that go
) -> Iterator[bytes]:
    """The bytes of the document with the rows of one loop as listed; tables with one row a particle get the same rows."""
    _check(document, block, rows)
    stale = [
        index for index, label in enumerate(block.labels) if label in left_out or is_replaced(label, added)
    ]
    tables = sorted(
        [block, *tables_with_a_row_per_particle(document, block)], key=lambda table: int(table.row_starts[0])
    )
    position = 0
    for table in tables:
        if table is block:
            yield document.content[position : block.label_spans[0][0]]
            yield header_with_labels(document, block, added, stale)
            position = block.label_spans[-1][1]
        yield document.content[position : int(table.row_starts[0])]
        if table is block:
            yield from _changed_rows(document, block, rows, changed, stale, values)
        else:
            yield from _same_rows(document, table, rows)
        position = int(table.row_ends[-1])
    yield document.content[position:]


def _check(document: StarDocument, block: StarBlock, rows: np.ndarray) -> None:
    if len(rows) == 0:
        raise InputError(
            f"No particle of {document.path} was chosen; a star file without particles is not written, "
            "because RELION takes it for a file of another version."
        )
    if rows.min() < 0 or rows.max() >= block.n_rows:
        raise InputError(
            f"{document.path} has rows 0 to {block.n_rows - 1}; row {rows.max()} was requested. "
            "Is the list of rows from another file?"
        )
    assert bool((np.diff(rows) >= 0).all()), "views are written in the order of the file"


def _same_rows(document: StarDocument, table: StarBlock, rows: np.ndarray) -> Iterator[bytes]:
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        chosen = rows[start : start + ROWS_AT_A_TIME].tolist()
        yield b"".join(_line(document, table, row) for row in chosen)


def _changed_rows(
    document: StarDocument,
    block: StarBlock,
    rows: np.ndarray,
    changed: Mapping[str, Sequence[str | None]],
    stale: Sequence[int],
    values: Sequence[Sequence[str]],
) -> Iterator[bytes]:
    columns = {block.labels.index(label): texts for label, texts in changed.items()}
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        lines = []
        for index in range(start, min(start + ROWS_AT_A_TIME, len(rows))):
            texts = {column: text for column, of in columns.items() if (text := of[index]) is not None}
            texts |= {column: "" for column in stale}
            lines.append(_row_with(document, block, int(rows[index]), texts, " ".join(values[index])))
        yield b"".join(lines)


def _line(document: StarDocument, table: StarBlock, row: int) -> bytes:
    """A row with its line end, which the last line of a file may lack."""
    line = document.row_bytes(table, row)
    return line if line.endswith(b"\n") else line + b"\n"


def _spans(line: str) -> list[tuple[int, int]]:
    """Start and end of each value; quickly where none is quoted."""
    if "'" in line or '"' in line:
        return [(low, high) for low, high, _ in value_spans(line)]
    return [match.span() for match in VALUE.finditer(line)]


def _row_with(
    document: StarDocument, block: StarBlock, row: int, texts: Mapping[int, str], added: str
) -> bytes:
    """One row with other texts in some columns and values behind the last one; blanks and comments stay."""
    line = _line(document, block, row).decode("utf-8", "surrogateescape").rstrip("\n")
    spans = _spans(line)
    n_labels = len(block.labels)
    if len(spans) < n_labels:
        raise InputError(
            f"{where(document, block, row)}: expected {n_labels} values, found {len(spans)}. Repair that line."
        )
    pieces, position = [], 0
    for column in sorted(texts):
        low, high = spans[column]
        pieces += [line[position:low], texts[column]]
        position = high
    end = spans[n_labels - 1][1]
    pieces.append(line[position:end])
    written = "".join(pieces) + (f" {added}" if added else "") + line[end:] + "\n"
    return written.encode("utf-8", "surrogateescape")
