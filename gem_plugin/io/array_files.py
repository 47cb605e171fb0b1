"""Arrays as .npy and .npz (never with pickles inside), and tables of numbers as text."""

import io
import math
import os
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.whole_files import whole_file

MAXIMUM_HEADER_IN_BYTES = 2**20  # of tables with many columns
FIRST_BYTES = 12  # magic, version and length of the header
DAMAGES = (  # what numpy and zipfile raise for damaged files
    ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, OSError, SyntaxError, OverflowError,
    MemoryError, RecursionError, NotImplementedError, RuntimeError, struct.error, tokenize.TokenError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip


def write_array(path: Path, values: np.ndarray) -> None:
    """Write one array as a whole .npy file."""
    with whole_file(path) as temporary:
        np.save(temporary, values, allow_pickle=False)


def read_array(path: Path, made_by: str) -> np.ndarray:
    """Read one array; `made_by` is the command that writes it, for the error message."""
    if not Path(path).is_file():
        raise InputError(f"{path} is missing. Run `{made_by}` first.")
    try:
        return load_whole_array(path)
    except ValueError as error:
        raise InputError(f"{path} holds no plain array ({error}). Run `{made_by}` again.") from error


def write_arrays(path: Path, **arrays: Any) -> None:
    """Write several named arrays as one .npz file."""
    with whole_file(path) as temporary:
        np.savez(temporary, **arrays)


def read_arrays(path: Path, made_by: str) -> dict[str, np.ndarray]:
    """Read all arrays of an .npz file."""
    if not Path(path).is_file():
        raise InputError(f"{path} is missing. Run `{made_by}` first.")
    try:
        return load_whole_archive(path)
    except ValueError as error:
        raise InputError(f"{path} holds no plain arrays ({error}). Run `{made_by}` again.") from error


def load_whole_array(path: Path) -> np.ndarray:
    """Load a .npy file; ValueError where it is damaged. Memory is taken only after the size of the file was checked."""
    with open(path, "rb") as handle:
        return _load_checked(handle, os.fstat(handle.fileno()).st_size)


def load_whole_archive(path: Path) -> dict[str, np.ndarray]:
    """Load all arrays of an uncompressed .npz file; ValueError where it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {}
            for member in archive.infolist():
                if member.compress_type != zipfile.ZIP_STORED or member.file_size > os.stat(path).st_size:
                    raise ValueError(f"{member.filename} is compressed or larger than the file")
                with io.BytesIO(archive.read(member)) as content:
                    arrays[member.filename.removesuffix(".npy")] = _load_checked(content, member.file_size)
            return arrays
    except DAMAGES as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _load_checked(handle: IO[bytes], size_in_bytes: int) -> np.ndarray:
    """Hold what the header promises against what is there, then read it."""
    try:
        start = io.BytesIO(handle.read(MAXIMUM_HEADER_IN_BYTES + FIRST_BYTES))
        version = np.lib.format.read_magic(start)
        read_header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read_header(start, max_header_size=MAXIMUM_HEADER_IN_BYTES)
        promised = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or min(shape, default=0) < 0:
            raise ValueError("it holds Python objects or a negative size")
        if promised > size_in_bytes - start.tell():
            raise ValueError(
                f"its header promises {promised} bytes, {size_in_bytes - start.tell()} are there"
            )
        handle.seek(0)
        return np.lib.format.read_array(handle, allow_pickle=False, max_header_size=MAXIMUM_HEADER_IN_BYTES)
    except DAMAGES as error:
        raise ValueError(str(error) or type(error).__name__) from error


def write_numbers(path: Path, values: np.ndarray) -> None:
    """Write numbers as text, one row a line; whole numbers without a decimal point."""
    is_whole = np.issubdtype(values.dtype, np.integer)
    with whole_file(path) as temporary:
        np.savetxt(temporary, values, fmt="%d" if is_whole else "%.8g")


def read_rows(path: Path, n_particles: int) -> np.ndarray:  # (k,) int64
    """Read 0-based particle rows, one a line; lines that start with # are skipped."""
    rows = read_number_table(path)
    if rows.shape[1] != 1 or not (rows == np.floor(rows)).all():
        raise InputError(f"{path}: expected one whole number a line (a particle row, counted from 0).")
    numbers = rows[:, 0].astype(np.int64)
    outside = np.flatnonzero((numbers < 0) | (numbers >= n_particles))
    if len(outside):
        raise InputError(
            f"{path}: entry {outside[0] + 1} is {numbers[outside[0]]}; the run has {n_particles} particles, "
            f"rows 0 to {n_particles - 1}."
        )
    return numbers


def read_number_table(path: Path) -> np.ndarray:  # (rows, columns) float64
    """Read a text table of numbers separated by blanks."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file. Expected a text file of numbers.")
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is no text file ({error.reason}). Expected a text file of numbers."
        ) from error
    kept = [(number, line.split("#")[0].split()) for number, line in enumerate(lines, start=1)]
    kept = [(number, words) for number, words in kept if words]
    if not kept:
        raise InputError(f"{path} holds no numbers. Expected one row of numbers a line.")
    n_columns = len(kept[0][1])
    for number, words in kept:
        if len(words) != n_columns or not all(_is_number(word) for word in words):
            raise InputError(f"{path}, line {number}: expected {n_columns} numbers, got {' '.join(words)!r}.")
    return np.array([[float(word) for word in words] for _, words in kept])


def _is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False
