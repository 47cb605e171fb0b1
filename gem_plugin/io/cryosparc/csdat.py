"""CryoSPARC's stream form (CSDAT), checked for being whole before cryosparc-tools reads it.

Given a stream that was cut short, cryosparc-tools 4.7 and 5.0 end the whole program (segmentation fault) or give wrong text.
The form: magic, length and JSON of the header, length and values of each column, then all texts, each ended by a zero byte;
a column of texts holds where in them each one starts.
"""

import json
import math
import struct
from io import BytesIO
from typing import Any

import numpy as np

CSDAT_MAGIC = b"\x95CSDAT"
BYTES_OF_A_LENGTH = 4
TEXT_TYPES = ("|O", "O")
BYTES_OF_AN_OFFSET = 8  # where a text starts, unsigned
MAXIMUM_OFFSET = 2**40  # bytes; cryosparc-tools gives empty texts some number far beyond


def load_csdat(content: bytes, dataset_class: Any) -> Any:
    """The cryosparc-tools Dataset in these bytes; ValueError where they are not whole."""
    check_csdat(content)
    return dataset_class.load(BytesIO(content))


def check_csdat(content: bytes) -> None:
    """ValueError unless every column and every text that the header promises is there."""
    try:
        _check(content)
    except (KeyError, TypeError, IndexError, struct.error, AssertionError, MemoryError) as error:
        raise ValueError(f"its header is not readable ({error})") from error


def _check(content: bytes) -> None:
    if content[: len(CSDAT_MAGIC)] != CSDAT_MAGIC:
        raise ValueError("it does not start with CSDAT")
    header_bytes, position = _next_piece(content, len(CSDAT_MAGIC))
    header = json.loads(header_bytes)
    n_rows, compressed = int(header["length"]), set(header["compressed_fields"] or ())
    offsets: list[np.ndarray] = []
    for field in header["dtype"] if n_rows else []:
        name, type_name, shape = field[0], field[1], field[2] if len(field) > 2 else ()
        is_text = type_name in TEXT_TYPES
        size = n_rows * (BYTES_OF_AN_OFFSET if is_text else np.dtype(type_name).itemsize * math.prod(shape))
        column, position = _next_piece(content, position)
        if name in compressed:
            continue  # how many bytes it becomes is checked where it is unpacked
        if len(column) != size:
            raise ValueError(f"the column {name} has {len(column)} bytes, {size} were promised")
        if is_text:
            offsets.append(np.frombuffer(column, dtype="<u8"))
    _check_texts(content, position, offsets)


def _next_piece(content: bytes, position: int) -> tuple[bytes, int]:
    """The bytes after a length, and where the next piece starts."""
    (size,) = struct.unpack_from("<I", content, position)
    start = position + BYTES_OF_A_LENGTH
    if start + size > len(content):
        raise ValueError(f"{start + size} bytes were promised, {len(content)} are there")
    return content[start : start + size], start + size


def _check_texts(content: bytes, start: int, offsets: list[np.ndarray]) -> None:
    n_bytes = len(content) - start
    if n_bytes and content[-1] != 0:
        raise ValueError("its last text is cut short")
    furthest = max((int(column[column < MAXIMUM_OFFSET].max(initial=0)) for column in offsets), default=0)
    if furthest >= max(n_bytes, 1):
        raise ValueError(f"a text starts at {furthest}, but there are {n_bytes} bytes of texts")
