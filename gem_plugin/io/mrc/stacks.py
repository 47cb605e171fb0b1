"""Stacks of images in MRC files: single images out of many stacks, and a stack written bit by bit."""

import contextlib
import itertools
import math
import shutil
from collections import OrderedDict
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.header import HEADER_BYTES, MrcHeader, mrc_header_bytes, read_mrc_header
from gem_plugin.io.run.origin import origin_line_of_file
from gem_plugin.io.whole_files import whole_file
from gem_plugin.operating_system import sync_file

MAXIMUM_OPEN_FILES = (
    64  # one data set may lie in thousands of stacks; the system allows about a thousand open files
)
FLOAT32 = np.dtype("<f4")
BYTES_COPIED_AT_A_TIME = 2**24


class StackReader:
    """Reads single images out of many MRC stacks, keeping only a few files open."""

    def __init__(self, headers: dict[Path, MrcHeader]) -> None:
        self.headers = headers
        self._open_files: OrderedDict[Path, BufferedReader] = OrderedDict()

    def __enter__(self) -> "StackReader":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files; reading opens them again."""
        while self._open_files:
            self._open_files.popitem()[1].close()

    def read_images(
        self,
        stack_paths: list[Path],  # one for each image
        slice_indices: np.ndarray,  # (k,), 0-based
    ) -> np.ndarray:  # (k, rows, columns) float32, in the order requested
        """Read images of one box size; each stack is visited once, its slices in file order."""
        slices_of: dict[Path, list[int]] = {}
        for row, path in enumerate(stack_paths):
            slices_of.setdefault(path, []).append(row)
        first = self.headers[stack_paths[0]]
        images = np.empty((len(stack_paths), *first.shape[1:]), dtype=np.float32)
        for path, rows in slices_of.items():
            in_file_order = np.array(rows)[np.argsort(slice_indices[rows], kind="stable")]
            for run in _runs_of_neighbours(slice_indices[in_file_order]):
                start, targets = int(slice_indices[in_file_order[run.start]]), in_file_order[run]
                if self.headers[path].dtype == FLOAT32 and (np.diff(targets) == 1).all():
                    self._read_run(path, start, images[targets[0] : targets[-1] + 1])
                    continue
                stored = np.empty((len(targets), *self.headers[path].shape[1:]), self.headers[path].dtype)
                self._read_run(path, start, stored)
                images[targets] = stored
        return images

    def _read_run(self, path: Path, first_slice: int, stored: np.ndarray) -> None:
        """Fill an array (k, rows, columns) of the type of the file with k slices."""
        header = self.headers[path]
        handle = self._file(path)
        handle.seek(header.data_offset + first_slice * header.bytes_per_image)
        if handle.readinto(stored.data.cast("B")) < stored.nbytes:
            raise InputError(
                f"{path} ended while slice {first_slice} was read. Was it changed during the run?"
            )

    def _file(self, path: Path) -> BufferedReader:
        if path in self._open_files:
            self._open_files.move_to_end(path)
            return self._open_files[path]
        if len(self._open_files) >= MAXIMUM_OPEN_FILES:
            self._open_files.popitem(last=False)[1].close()
        self._open_files[path] = open(path, "rb")  # noqa: SIM115 (closed in close)
        return self._open_files[path]


def _runs_of_neighbours(sorted_slices: np.ndarray) -> list[slice]:
    """Stretches of consecutive slice numbers, each of which is one read."""
    breaks = np.flatnonzero(np.diff(sorted_slices) != 1) + 1
    edges = [0, *breaks.tolist(), len(sorted_slices)]
    return [slice(low, high) for low, high in itertools.pairwise(edges)]


class StackWriter:
    """Appends images to a float32 stack; statistics go into the header at the end."""

    def __init__(self, handle: BinaryIO, pixel_size_in_angstroms: float, label: str) -> None:
        self._label = label
        self._handle = handle
        self._pixel_size_in_angstroms = pixel_size_in_angstroms
        self._image_shape = (0, 0)
        self._sums = np.zeros(2)  # of values, of squares
        self._range = (math.inf, -math.inf)
        self.n_images = 0
        handle.write(bytes(HEADER_BYTES))

    def append(self, images: np.ndarray) -> np.ndarray:  # (k, rows, columns) -> (4,) float64
        """Write images at the end of the stack."""
        assert images.ndim == 3
        assert self.n_images == 0 or images.shape[1:] == self._image_shape
        values = np.ascontiguousarray(images, dtype=FLOAT32)
        self._image_shape = values.shape[1:]
        self._handle.write(values.data)
        self.n_images += len(values)
        sums = values.sum(dtype=np.float64), np.square(values, dtype=np.float64).sum()
        statistics = np.array([*sums, float(values.min()), float(values.max())])
        self._add_statistics(statistics)
        return statistics

    def append_stack(
        self,
        path: Path,
        statistics: np.ndarray,  # (k, 4): what `append` gave when that stack was written
    ) -> None:
        """Copy all images of a stack that was written here; the header is as if they had been appended one by one."""
        header = read_mrc_header(path)
        assert header.dtype == FLOAT32
        assert self.n_images == 0 or header.shape[1:] == self._image_shape
        self._image_shape = header.shape[1:]
        with open(path, "rb") as source:
            source.seek(header.data_offset)
            shutil.copyfileobj(source, self._handle, BYTES_COPIED_AT_A_TIME)
        self.n_images += header.shape[0]
        for of_some in statistics:
            self._add_statistics(of_some)

    def _add_statistics(self, statistics: np.ndarray) -> None:  # (4,): sum, sum of squares, least, largest
        self._sums += statistics[:2]
        self._range = min(self._range[0], float(statistics[2])), max(self._range[1], float(statistics[3]))

    def write_header(self) -> None:
        shape = (self.n_images, *self._image_shape)
        n_values = max(1, math.prod(shape))
        mean, mean_square = self._sums / n_values
        standard_deviation = math.sqrt(max(0.0, mean_square - mean**2))
        self._handle.seek(0)
        self._handle.write(
            mrc_header_bytes(
                shape,
                self._pixel_size_in_angstroms,
                False,
                (*self._range, mean, standard_deviation),
                self._label,
            )
        )


@contextlib.contextmanager
def write_stack_in_place(path: Path, pixel_size_in_angstroms: float) -> Iterator[StackWriter]:
    """The same under its own name from the beginning: for stacks of which another file says whether they are finished."""
    with open(path, "wb") as handle:
        writer = StackWriter(handle, pixel_size_in_angstroms, origin_line_of_file(path))
        yield writer
        writer.write_header()
    sync_file(path)


@contextlib.contextmanager
def write_stack(path: Path, pixel_size_in_angstroms: float) -> Iterator[StackWriter]:
    """Give a writer of a new stack, which appears under its name when the block ends without an error."""
    with whole_file(path) as temporary, open(temporary, "wb") as handle:
        writer = StackWriter(handle, pixel_size_in_angstroms, origin_line_of_file(path))
        yield writer
        writer.write_header()


def open_stack(path: Path) -> np.ndarray:  # (n, rows, columns), read from disk when touched
    """A whole stack as a read-only array that stays on disk."""
    header = read_mrc_header(path)
    return np.memmap(path, dtype=header.dtype, mode="r", offset=header.data_offset, shape=header.shape)
