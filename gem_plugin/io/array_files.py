"""Arrays as .npy and .npz (never with pickles inside), and tables of numbers as text."""

from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.whole_files import whole_file


def write_array(path: Path, values: np.ndarray) -> None:
    """Write one array as a whole .npy file."""
    with whole_file(path) as temporary:
        np.save(temporary, values, allow_pickle=False)


def read_array(path: Path, made_by: str) -> np.ndarray:
    """Read one array; `made_by` is the command that writes it, for the error message."""
    if not Path(path).is_file():
        raise InputError(f"{path} is missing. Run `{made_by}` first.")
    try:
        return np.load(path, allow_pickle=False)
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
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


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
    lines = Path(path).read_text(encoding="utf-8").splitlines()
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
