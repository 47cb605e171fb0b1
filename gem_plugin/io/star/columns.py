"""Reading columns of a star loop as numbers or text. The original text stays the only thing that is ever written back."""

import io
from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd

from gem_plugin.errors import InputError
from gem_plugin.io.star.text import StarBlock, StarDocument, split_row

ROWS_AT_A_TIME = 50_000
QUOTES_NONE = 3  # csv.QUOTE_NONE


def read_columns(
    document: StarDocument,
    block: StarBlock,
    number_labels: Iterable[str] = (),
    text_labels: Iterable[str] = (),
    not_always_numbers: Collection[str] = (),  # of the number labels: NaN where a value is none, no error
) -> dict[str, np.ndarray]:
    """Columns by label: (rows,) float64 for numbers, (rows,) object arrays of str for text. Absent labels are left out."""
    numbers = [label for label in number_labels if label in block.labels]
    texts = [label for label in text_labels if label in block.labels]
    _check_labels_are_unique(document, block)
    if not block.is_loop:
        return _columns_of_pairs(document, block, numbers, texts, not_always_numbers)
    columns: dict[str, list[np.ndarray]] = {label: [] for label in (*numbers, *texts)}
    for start in range(0, block.n_rows, ROWS_AT_A_TIME):
        part = _text_of_rows(document, block, start, min(start + ROWS_AT_A_TIME, block.n_rows), list(columns))
        for label, values in part.items():
            column = (
                values
                if label in texts
                else _to_numbers(document, block, label, values, start, label in not_always_numbers)
            )
            columns[label].append(column)
    kinds = {label: np.dtype(object) if label in texts else np.dtype(np.float64) for label in columns}
    return {
        label: np.concatenate(parts) if parts else np.zeros(0, kinds[label])
        for label, parts in columns.items()
    }


def where(document: StarDocument, block: StarBlock, row: int) -> str:
    """Words that lead a reader to a row: file, row (0-based) and line (counted from 1)."""
    if not block.is_loop:
        return f"{document.path}, block data_{block.name}"
    return f"{document.path}, block data_{block.name}, row {row} (line {block.first_line_numbers[row]})"


def _check_labels_are_unique(document: StarDocument, block: StarBlock) -> None:
    for label in block.labels:
        if block.labels.count(label) > 1:
            raise InputError(
                f"{document.path}, block data_{block.name}: the column {label} is there twice. "
                "Remove one of the two; which of them is meant cannot be known."
            )


def _columns_of_pairs(
    document: StarDocument,
    block: StarBlock,
    numbers: list[str],
    texts: list[str],
    not_always_numbers: Collection[str],
) -> dict[str, np.ndarray]:
    columns = {label: np.array([block.pairs[label]], dtype=object) for label in (*numbers, *texts)}
    return {
        label: column
        if label in texts
        else _to_numbers(document, block, label, column, 0, label in not_always_numbers)
        for label, column in columns.items()
    }


def _text_of_rows(
    document: StarDocument, block: StarBlock, start: int, stop: int, labels: list[str]
) -> dict[str, np.ndarray]:
    """The chosen columns of rows start to stop as text, by pandas' reader where no value is quoted or commented."""
    starts, ends = block.row_starts[start:stop], block.row_ends[start:stop]
    is_contiguous = bool(np.all(starts[1:] == ends[:-1]))
    if is_contiguous:
        text = document.content[starts[0] : ends[-1]]
    else:
        text = b"".join(document.content[low:high] for low, high in zip(starts, ends))
    n_labels = len(block.labels)
    if b'"' in text or b"'" in text or b"#" in text:
        return _split_slowly(document, block, start, stop, labels)
    counts = _values_per_row(text)
    wrong = np.flatnonzero(counts != n_labels)
    if len(wrong):
        raise _wrong_count(document, block, start + int(wrong[0]), int(counts[wrong[0]]))
    frame = pd.read_csv(
        io.BytesIO(text),
        sep=r"\s+",
        header=None,
        names=list(block.labels),
        usecols=labels,
        dtype=object,
        quoting=QUOTES_NONE,
        na_filter=False,
        encoding_errors="surrogateescape",
        engine="c",
    )
    return {label: frame[label].to_numpy(dtype=object) for label in labels}


def _values_per_row(text: bytes) -> np.ndarray:
    data = np.frombuffer(text, dtype=np.uint8)
    is_visible = (data != 32) & (data != 9) & (data != 10) & (data != 13)
    starts_value = is_visible.copy()
    starts_value[1:] &= ~is_visible[:-1]
    line_ends = np.flatnonzero(data == 10)
    if len(line_ends) == 0 or line_ends[-1] != len(data) - 1:
        line_ends = np.append(line_ends, len(data) - 1)
    return np.diff(np.cumsum(starts_value, dtype=np.int32)[line_ends], prepend=0)


def _split_slowly(
    document: StarDocument, block: StarBlock, start: int, stop: int, labels: list[str]
) -> dict[str, np.ndarray]:
    indices = [block.labels.index(label) for label in labels]
    columns = [np.empty(stop - start, dtype=object) for _ in labels]
    for row in range(start, stop):
        values = split_row(document.row_bytes(block, row).decode("utf-8", "surrogateescape"))
        n_labels = len(block.labels)
        has_comment = len(values) > n_labels and values[n_labels].startswith("#")
        if len(values) != n_labels and not has_comment:
            raise _wrong_count(document, block, row, len(values))
        for column, index in zip(columns, indices):
            column[row - start] = values[index]
    return dict(zip(labels, columns))


def _wrong_count(document: StarDocument, block: StarBlock, row: int, count: int) -> InputError:
    return InputError(
        f"{where(document, block, row)}: expected {len(block.labels)} values, one for each column, found {count}. "
        "The file was cut short or edited by hand; remove or repair that line."
    )


def _to_numbers(
    document: StarDocument,
    block: StarBlock,
    label: str,
    values: np.ndarray,
    first_row: int,
    may_be_missing: bool,
) -> np.ndarray:
    try:
        numbers = values.astype(np.float64)
    except ValueError:
        numbers = np.full(len(values), np.nan)
        for index, value in enumerate(values):
            numbers[index] = _number_or_nan(value)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad) and not may_be_missing:
        row = first_row + int(bad[0])
        raise InputError(
            f"{where(document, block, row)}, column {label}: expected a number, found {values[bad[0]]!r}. "
            "Correct the value or remove the row."
        )
    return numbers


def _number_or_nan(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return float("nan")
