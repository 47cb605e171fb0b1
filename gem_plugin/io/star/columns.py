"""Reading columns of a star loop as numbers or text. The original text stays the only thing that is ever written back."""

import io
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.star.text import NEWLINE, RETURN, SPACE, TAB, StarBlock, StarDocument, split_row

ROWS_AT_A_TIME = 20_000
N_THREADS = 2  # pandas lets go of Python's lock for half of its work
QUOTES_NONE = 3  # csv.QUOTE_NONE
ASKED_FOR_EXACT_NUMBERS = (3, 1)  # versions of pandas before
WORDS_TAKEN_AS_NUMBERS = (b"true", b"false")  # by pandas, in any case: 1 and 0


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
    kinds = {label: object if label in texts else np.float64 for label in (*numbers, *texts)}
    columns = {label: np.empty(block.n_rows, kind) for label, kind in kinds.items()}

    def read_rows(start: int) -> None:
        stop = min(start + ROWS_AT_A_TIME, block.n_rows)
        for label, values in _columns_of_rows(document, block, start, stop, kinds).items():
            if kinds[label] is not object:
                values = _to_numbers(document, block, label, values, start, label in not_always_numbers)
            columns[label][start:stop] = values

    starts = range(0, block.n_rows, ROWS_AT_A_TIME)
    if len(starts) <= 1:
        for start in starts:
            read_rows(start)
        return columns
    with ThreadPoolExecutor(N_THREADS) as threads:
        deque(threads.map(read_rows, starts), maxlen=0)  # raises the first error by the order of the rows
    return columns


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


def _columns_of_rows(
    document: StarDocument, block: StarBlock, start: int, stop: int, kinds: Mapping[str, type]
) -> dict[str, np.ndarray]:
    """The chosen columns of rows start to stop, by pandas' reader where no value is quoted or commented.

    Columns of numbers come as numbers, or as text where pandas cannot read all of them.
    """
    starts, ends = block.row_starts[start:stop], block.row_ends[start:stop]
    is_contiguous = bool(np.all(starts[1:] == ends[:-1]))
    if is_contiguous:
        text = document.content[starts[0] : ends[-1]]
    else:
        text = b"".join(document.content[low:high] for low, high in zip(starts, ends))
    if b'"' in text or b"'" in text or b"#" in text:
        return _split_slowly(document, block, start, stop, list(kinds))
    _check_counts(document, block, start, text, ends - starts)
    if not kinds:
        return {}
    first_row = text[: ends[0] - starts[0]].lower()
    if not any(word in first_row for word in WORDS_TAKEN_AS_NUMBERS):
        try:
            return _read_by_pandas(block, text, kinds)
        except ValueError:  # such as <NA>, or a number with underscores
            pass
    return _read_by_pandas(block, text, dict.fromkeys(kinds, object))


def _read_by_pandas(block: StarBlock, text: bytes, kinds: Mapping[str, type]) -> dict[str, np.ndarray]:
    import pandas as pd  # not wanted by who reads no star file

    frame = pd.read_csv(
        io.BytesIO(text),
        sep=r"\s+",
        header=None,
        names=list(block.labels),
        usecols=list(kinds),
        dtype=dict(kinds),
        quoting=QUOTES_NONE,
        na_filter=False,
        low_memory=False,
        encoding_errors="surrogateescape",
        engine="c",
        **_exact_numbers(pd.__version__),
    )
    return {label: frame[label].to_numpy(dtype=kind) for label, kind in kinds.items()}


def _exact_numbers(version_of_pandas: str) -> dict[str, Any]:
    """Numbers as Python reads them, to the last bit; later versions do so unasked, and warn of the option."""
    version = tuple(int(part) for part in version_of_pandas.split(".")[:2])
    return {"float_precision": "round_trip"} if version < ASKED_FOR_EXACT_NUMBERS else {}


def _check_counts(
    document: StarDocument,
    block: StarBlock,
    start: int,
    text: bytes,  # of the rows from start on
    lengths: np.ndarray,  # (rows,) bytes of each
) -> None:
    """Raise InputError where a row has not one value for each label."""
    data = np.frombuffer(text, dtype=np.uint8)
    is_visible = np.empty(len(data) + 1, dtype=bool)
    is_visible[0] = False
    is_visible[1:] = data != SPACE
    for blank in (TAB, NEWLINE, RETURN):
        is_visible[1:] &= data != blank
    positions = np.flatnonzero(is_visible[1:] > is_visible[:-1])  # where a value starts
    n_labels = len(block.labels)
    ends = np.cumsum(lengths)
    if len(positions) == n_labels * len(lengths):
        of_rows = positions.reshape(len(lengths), n_labels)
        if (of_rows[:, 0] >= ends - lengths).all() and (of_rows[:, -1] < ends).all():
            return
    counts = np.diff(np.searchsorted(positions, ends), prepend=0)
    wrong = int(np.flatnonzero(counts != n_labels)[0])
    raise _wrong_count(document, block, start + wrong, int(counts[wrong]))


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
        numbers = values.astype(np.float64, copy=False)
    except ValueError:
        numbers = np.full(len(values), np.nan)
        for index, value in enumerate(values):
            numbers[index] = _number_or_nan(value)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad) and not may_be_missing:
        row = first_row + int(bad[0])
        raise InputError(
            f"{where(document, block, row)}, column {label}: expected a number, found {_text_at(document, block, label, row)!r}. "
            "Correct the value or remove the row."
        )
    return numbers


def _text_at(document: StarDocument, block: StarBlock, label: str, row: int) -> str:
    """One value as the file has it."""
    if not block.is_loop:
        return block.pairs[label]
    values = split_row(document.row_bytes(block, row).decode("utf-8", "surrogateescape"))
    return values[block.labels.index(label)]


def _number_or_nan(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return float("nan")
