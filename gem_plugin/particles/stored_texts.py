"""Texts in files of arrays: stored as bytes, so that nothing has to be unpickled."""

import io

import numpy as np


def text_as_bytes(texts: np.ndarray) -> np.ndarray:  # (n,) str -> (bytes,) uint8
    """One line each."""
    buffer = io.BytesIO()
    for text in texts:
        buffer.write(str(text).encode("utf-8", "surrogateescape") + b"\n")
    return np.frombuffer(buffer.getvalue(), dtype=np.uint8)


def text_from_bytes(stored: np.ndarray) -> np.ndarray:  # (bytes,) uint8 -> (n,) object array of str
    """The same texts; equal ones are one object."""
    one_of_each: dict[str, str] = {}
    lines = stored.tobytes().decode("utf-8", "surrogateescape").split("\n")[:-1]
    texts = np.empty(len(lines), dtype=object)
    for row, line in enumerate(lines):
        texts[row] = one_of_each.setdefault(line, line)
    return texts
