"""Star files as text: where each block, label line and row lies in the bytes of the file.

Line ends become LF, because RELION does not read CR+LF; nothing else is changed or interpreted here. Reading numbers is in star_tables, writing in star_edit.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError

SPACE, TAB, NEWLINE, RETURN = 32, 9, 10, 13
BYTES_AT_A_TIME = 2**20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class StarBlock:
    """One table of a star file: a loop with rows, or (is_loop False) label-value pairs."""

    name: str  # "particles" of data_particles
    is_loop: bool
    labels: tuple[str, ...]  # with the underscore, in file order
    label_spans: tuple[tuple[int, int], ...]  # byte range of each label line, line end included
    row_starts: np.ndarray  # (rows,) int64, byte offset of each row
    row_ends: np.ndarray  # (rows,) int64, byte offset after each row's line end
    first_line_numbers: np.ndarray  # (rows,) int64, line of each row in the file, counted from 1
    pairs: dict[str, str] = field(default_factory=dict)  # values of a block without a loop

    @property
    def n_rows(self) -> int:
        return len(self.row_starts)


@dataclass(frozen=True)
class StarDocument:
    """The bytes of a star file and the blocks found in them."""

    path: Path
    content: bytes  # with LF line ends, whatever the file has
    blocks: tuple[StarBlock, ...]

    def find_block(self, name: str) -> StarBlock | None:
        return next((block for block in self.blocks if block.name == name), None)

    def row_bytes(self, block: StarBlock, row: int) -> bytes:
        """One row with its line end."""
        return self.content[block.row_starts[row] : block.row_ends[row]]


def read_star_document(path: Path) -> StarDocument:
    """Read a star file whole and find its blocks."""
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"There is no file {path}. Check the name; relative names start from the working directory."
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error
    return parse_star(content, path)


def parse_star(content: bytes, path: Path = Path("(text)")) -> StarDocument:
    """Find the blocks in the bytes of a star file. Blank lines and lines starting with # belong to no row."""
    content = _with_lf_line_ends(content)
    lines = _Lines(content)
    headers = lines.header_lines()
    if not headers or not lines.text(headers[0]).startswith("data_"):
        raise InputError(
            f"{path} is not a star file: expected a line that starts with data_, found none before the first table. "
            "Give the particles.star or run_data.star of a RELION job."
        )
    blocks = []
    name = ""
    for header, following in zip(headers, [*headers[1:], lines.count]):
        text = lines.text(header)
        if text.startswith("data_"):
            name = text[len("data_") :].split()[0] if text[len("data_") :].strip() else ""
            pairs = lines.pair_block(name, header + 1, following)
            if pairs.labels:
                blocks.append(pairs)
        else:
            blocks.append(lines.loop_block(name, header + 1, following))
    return StarDocument(path, content, tuple(blocks))


def _with_lf_line_ends(content: bytes) -> bytes:
    """CR+LF, and CR alone in a file without LF, become LF; another CR is a blank, as RELION reads it."""
    if b"\r" not in content:
        return content
    if b"\n" not in content:
        return content.replace(b"\r", b"\n")
    return re.sub(rb"\r+\n", b"\n", content).replace(b"\r", b" ")


def _ends_of_lines(data: np.ndarray) -> np.ndarray:  # (bytes,) uint8 -> (lines,) int64
    """Offsets behind every newline; a part of the file at a time, which takes less memory."""
    ends = [np.zeros(0, np.int64)]
    for start in range(0, len(data), BYTES_AT_A_TIME):
        part = data[start : start + BYTES_AT_A_TIME]
        ends.append(np.flatnonzero(part == NEWLINE) + (start + 1))
    return np.concatenate(ends)


class _Lines:
    """The lines of a file as byte ranges, with the first visible byte of each; vectorised, for millions of rows."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.data = np.frombuffer(content, dtype=np.uint8)
        ends = _ends_of_lines(self.data)
        if len(ends) == 0 or ends[-1] != len(content):
            ends = np.append(ends, len(content))
        self.ends = ends
        self.starts = np.concatenate([[0], self.ends[:-1]]).astype(np.int64)
        if content.startswith(BYTE_ORDER_MARK):
            self.starts[0] = len(BYTE_ORDER_MARK)
        self.first_bytes = self._first_visible_bytes()

    @property
    def count(self) -> int:
        return len(self.starts)

    def _first_visible_bytes(self) -> np.ndarray:
        positions = self.starts.copy()
        found = self._bytes_at(positions)
        waiting = np.flatnonzero((found == SPACE) | (found == TAB))
        while len(waiting):
            positions[waiting] += 1
            here = self._bytes_at(positions[waiting])
            found[waiting] = here
            waiting = waiting[(here == SPACE) | (here == TAB)]
        return found

    def _bytes_at(self, positions: np.ndarray) -> np.ndarray:
        """A newline behind the last byte."""
        if len(positions) and positions[-1] >= len(self.data):
            return np.append(self._bytes_at(positions[:-1]), np.uint8(NEWLINE))
        return self.data[positions]

    def text(self, line: int) -> str:
        return (
            self.content[self.starts[line] : self.ends[line]]
            .decode("utf-8", "surrogateescape")
            .strip(" \t\r\n")
        )

    def header_lines(self) -> list[int]:
        """Lines that are `data_name` or `loop_` alone; a row may well start with data_001.mrc."""
        candidates = np.flatnonzero(np.isin(self.first_bytes, np.frombuffer(b"dl", dtype=np.uint8)))
        return [line for line in candidates.tolist() if _is_header(self.text(line))]

    def pair_block(self, name: str, start: int, stop: int) -> StarBlock:
        pairs, spans = {}, []
        for line in range(start, stop):
            if self.first_bytes[line] == ord("_"):
                label, *rest = self.text(line).split(maxsplit=1)
                values = split_row("".join(rest))
                pairs[label] = values[0] if values else ""
                spans.append((int(self.starts[line]), int(self.ends[line])))
        empty = np.zeros(0, dtype=np.int64)
        return StarBlock(name, False, tuple(pairs), tuple(spans), empty, empty, empty, pairs)

    def loop_block(self, name: str, start: int, stop: int) -> StarBlock:
        labels: list[str] = []
        spans = []
        line = start
        while line < stop:
            if self.first_bytes[line] == ord("_"):
                tokens = self.text(line).split()
                if len(tokens) > 1 and not tokens[1].startswith("#"):
                    break  # a row that starts with an underscore
                labels.append(tokens[0])
                spans.append((int(self.starts[line]), int(self.ends[line])))
            elif not self._is_skipped(self.first_bytes[line : line + 1])[0]:
                break
            line += 1
        rows = line + np.flatnonzero(~self._is_skipped(self.first_bytes[line:stop]))
        return StarBlock(
            name, True, tuple(labels), tuple(spans), self.starts[rows], self.ends[rows], rows + 1
        )

    @staticmethod
    def _is_skipped(first_bytes: np.ndarray) -> np.ndarray:
        return (first_bytes == NEWLINE) | (first_bytes == RETURN) | (first_bytes == ord("#"))


def _is_header(text: str) -> bool:
    tokens = text.split()
    alone = len(tokens) == 1 or tokens[1].startswith("#")
    return alone and (tokens[0] == "loop_" or tokens[0].startswith("data_"))


def split_row(text: str) -> list[str]:
    """The values of one row. A quote opens a value only at its start and closes it only before a blank."""
    return [text[start + quoted : end - quoted] for start, end, quoted in value_spans(text)]


def value_spans(text: str) -> list[tuple[int, int, int]]:
    """(start, end, 1 if quoted else 0) of each value in a row, quotes included in the range."""
    spans = []
    position, length = 0, len(text)
    while position < length:
        if text[position] in " \t\r\n":
            position += 1
            continue
        end = _quoted_end(text, position) if text[position] in "'\"" else -1
        quoted = int(end > 0)
        if not quoted:
            end = position
            while end < length and text[end] not in " \t\r\n":
                end += 1
        spans.append((position, end, quoted))
        position = end
    return spans


def _quoted_end(text: str, start: int) -> int:
    """Offset after the closing quote of the value that opens at start; -1 where it is not closed."""
    end = text.find(text[start], start + 1)
    while end >= 0:
        if end + 1 == len(text) or text[end + 1] in " \t\r\n":
            return end + 1
        end = text.find(text[start], end + 1)
    return -1
