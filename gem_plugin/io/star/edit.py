"""Writing star files back: chosen rows of the original, columns added as text. Nothing else of the file changes.

Header, comments, optics and every kept row are copied byte for byte, with LF line ends; only whole lines of rows are left out.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.star.columns import where
from gem_plugin.io.star.companions import tables_with_a_row_per_particle
from gem_plugin.io.star.text import StarBlock, StarDocument, value_spans
from gem_plugin.io.whole_files import whole_file

ROWS_AT_A_TIME = 100_000


def write_whole_pieces(target: Path, pieces: Iterator[bytes]) -> None:
    """Write bytes one after the other as a whole file."""
    with whole_file(target) as temporary, open(temporary, "wb") as handle:
        for piece in pieces:
            handle.write(piece)


def subset_pieces(document: StarDocument, block: StarBlock, rows: np.ndarray) -> Iterator[bytes]:
    """The bytes of the document, less the rows of the block that were not chosen.

    Further tables with one row a particle lose the same rows.
    """
    spans = _spans_of_dropped(
        document, [block, *tables_with_a_row_per_particle(document, block)], block, rows
    )
    yield from _without_spans(document.content, 0, len(document.content), _joined(spans))


def _joined(spans: np.ndarray) -> np.ndarray:
    """Spans that touch each other as one: of a small subset of many rows, hardly more than there are kept rows."""
    begins = np.r_[True, spans[1:, 0] != spans[:-1, 1]]
    return np.stack([spans[begins, 0], spans[np.r_[begins[1:], True], 1]], axis=1) if len(spans) else spans


def _spans_of_dropped(
    document: StarDocument, tables: Sequence[StarBlock], block: StarBlock, rows: np.ndarray
) -> np.ndarray:  # (spans, 2) int64, in the order of the file: start and end of each row that goes
    dropped = np.flatnonzero(~_kept_rows(document, block, rows))
    starts = np.concatenate([np.zeros(0, np.int64), *(table.row_starts[dropped] for table in tables)])
    ends = np.concatenate([np.zeros(0, np.int64), *(table.row_ends[dropped] for table in tables)])
    order = np.argsort(starts)
    return np.stack([starts[order], ends[order]], axis=1)


def _without_spans(content: bytes, start: int, end: int, spans: np.ndarray) -> Iterator[bytes]:
    """The bytes from start to end, less those of the spans."""
    inside = spans[(spans[:, 0] >= start) & (spans[:, 1] <= end)]
    position = start
    for low, high in inside.tolist():
        if low > position:
            yield content[position:low]
        position = high
    yield content[position:end]


def _kept_rows(document: StarDocument, block: StarBlock, rows: np.ndarray) -> np.ndarray:  # (n,) bool
    """Chosen rows as flags, after checking the numbers."""
    chosen = np.asarray(rows, dtype=np.int64)
    if len(chosen) == 0:
        raise InputError(
            f"No particle of {document.path} was chosen; a star file without particles is not written, "
            "because RELION takes it for a file of another version."
        )
    wrong = chosen[(chosen < 0) | (chosen >= block.n_rows)]
    if len(wrong):
        raise InputError(
            f"{document.path} has rows 0 to {block.n_rows - 1}; row {wrong[0]} was requested. "
            "Is the list of rows from another file?"
        )
    is_kept = np.zeros(block.n_rows, dtype=bool)
    is_kept[chosen] = True
    if is_kept.sum() != len(chosen):
        values, counts = np.unique(chosen, return_counts=True)
        raise InputError(
            f"Row {values[counts > 1][0]} of {document.path} was chosen twice. Give each row once."
        )
    return is_kept


def columns_added_pieces(
    document: StarDocument,
    block: StarBlock,
    labels: Sequence[str],  # with the underscore
    values: Sequence[Sequence[str]],  # one text without blanks for each kept row and label
    rows: np.ndarray | None = None,  # (k,) rows to keep, in the order of the values; default: all
    left_out: Sequence[str] = (),  # labels of columns that go
) -> Iterator[bytes]:
    """The bytes of the document with columns appended to one loop, and only the chosen rows of it.

    Columns of the same labels are replaced. Further tables with one row a particle lose the same rows.
    """
    n_kept = block.n_rows if rows is None else len(rows)
    if not block.is_loop or len(values) != n_kept:
        raise InputError(
            f"{document.path}, block data_{block.name}: {n_kept} rows, but {len(values)} rows of new values. "
            "Was the file changed since the run began?"
        )
    index_of_row = np.arange(block.n_rows)
    spans = np.zeros((0, 2), np.int64)
    if rows is not None:
        spans = _spans_of_dropped(document, tables_with_a_row_per_particle(document, block), block, rows)
        index_of_row = np.full(block.n_rows, -1)
        index_of_row[rows] = np.arange(n_kept)
    stale = [
        index for index, label in enumerate(block.labels) if label in left_out or is_replaced(label, labels)
    ]
    header_start, header_end = block.label_spans[0][0], block.label_spans[-1][1]
    yield from _without_spans(document.content, 0, header_start, spans)
    yield header_with_labels(document, block, labels, stale)
    position = header_end
    for start in range(0, block.n_rows, ROWS_AT_A_TIME):
        stop = min(start + ROWS_AT_A_TIME, block.n_rows)
        pieces = []
        for row, index in zip(range(start, stop), index_of_row[start:stop].tolist()):
            low, high = int(block.row_starts[row]), int(block.row_ends[row])
            if low > position:
                pieces.append(document.content[position:low])
            if index >= 0:
                pieces.append(_row_with_values(document, block, row, " ".join(values[index]), stale))
            position = high
        yield b"".join(pieces)
    yield from _without_spans(document.content, position, len(document.content), spans)


def is_replaced(label: str, new_labels: Sequence[str]) -> bool:
    """Whether a column goes: the same label, or the same numbered family (_gemLatent5 when 4 latents are written)."""
    families = {re.sub(r"\d+$", "", new) for new in new_labels if re.search(r"\d$", new)}
    return label in new_labels or (label[-1:].isdigit() and re.sub(r"\d+$", "", label) in families)


def header_with_labels(
    document: StarDocument, block: StarBlock, labels: Sequence[str], stale: Sequence[int]
) -> bytes:
    """The label lines, numbered on where the file numbers them."""
    first = document.content[slice(*block.label_spans[0])]
    is_numbered = b"#" in first
    kept = [index for index in range(len(block.labels)) if index not in stale]
    if not stale:
        start, end = block.label_spans[0][0], block.label_spans[-1][1]
        lines = [document.content[start:end]]  # with any comments between the labels
    else:
        lines = [
            _renumbered(document.content[slice(*block.label_spans[index])], position)
            for position, index in enumerate(kept, 1)
        ]
    ending = b" " if first.rstrip(b"\r\n").endswith(b" ") else b""
    for position, label in enumerate(labels, start=len(kept) + 1):
        lines.append(label.encode() + (f" #{position}".encode() if is_numbered else b"") + ending + b"\n")
    return b"".join(lines)


def _renumbered(line: bytes, position: int) -> bytes:
    return re.sub(rb"#\d+", f"#{position}".encode(), line, count=1)


def _row_with_values(
    document: StarDocument, block: StarBlock, row: int, added: str, stale: Sequence[int]
) -> bytes:
    """One row with values appended after its last one; text between the values stays as it is."""
    line = document.row_bytes(block, row)
    text = line.rstrip(b"\r\n")
    line_end = line[len(text) :]
    comment = b""
    if b"#" in text or stale:
        text, comment = _without_stale_values(document, block, row, text, stale)
    has_blank = text.endswith((b" ", b"\t"))
    values = b"" if not added else added.encode() + b" " if has_blank else b" " + added.encode()
    return text + values + comment + line_end


def _without_stale_values(
    document: StarDocument, block: StarBlock, row: int, text: bytes, stale: Sequence[int]
) -> tuple[bytes, bytes]:  # the row without the values of stale columns, and the comment behind it
    decoded = text.decode("utf-8", "surrogateescape")
    spans = value_spans(decoded)
    n_labels = len(block.labels)
    if len(spans) < n_labels:
        raise InputError(
            f"{where(document, block, row)}: expected {n_labels} values, found {len(spans)}. Repair that line."
        )
    end = spans[n_labels - 1][1] if len(spans) > n_labels else len(decoded)
    position, kept = 0, []
    for index in stale:
        kept.append(decoded[position : spans[index][0]])
        position = spans[index][1]
    kept.append(decoded[position:end])
    encoded = "".join(kept).encode("utf-8", "surrogateescape")
    return encoded, decoded[end:].encode("utf-8", "surrogateescape")
