"""The maps of the sketch, one after the other, as often as needed, in little memory.

Small sets stay in memory; slow decoders write to a temporary file once; fast ones simply decode again.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gem_plugin.landscape.volume_source import VolumeSource

MAXIMUM_SET_IN_MEMORY_IN_BYTES = 1_200_000_000
BYTES_PER_VOXEL = 4


class SketchVolumes:
    """Decoded maps of chosen particles. Use as a context, so that the temporary file is removed."""

    def __init__(self, source: VolumeSource, rows: np.ndarray, scratch_folder: Path) -> None:
        self.source = source
        self.rows = rows
        self.scratch_folder = scratch_folder
        self._stored: np.ndarray | None = None  # (k, d, d, d) once everything has been decoded
        self._scratch: tempfile.TemporaryDirectory | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __enter__(self) -> "SketchVolumes":
        return self

    def __exit__(self, *_: object) -> None:
        self._stored = None
        if self._scratch is not None:
            self._scratch.cleanup()

    def all(self) -> Iterator[np.ndarray]:
        """All maps in order. Do not change them; copy first."""
        if self._stored is not None:
            yield from self._stored
            return
        store = self._new_store()
        for number, volume in enumerate(self.source.decode(self.source.latents[self.rows])):
            if store is not None:
                store[number] = volume
            yield volume
        self._stored = store

    def at(self, positions: Sequence[int] | np.ndarray) -> Iterator[np.ndarray]:
        """The maps at some positions of the sketch."""
        if self._stored is not None:
            for position in positions:
                yield self._stored[position]
            return
        yield from self.source.decode(self.source.latents[self.rows[np.asarray(positions)]])

    def new_matrix(self, n_columns: int) -> np.ndarray:
        """An empty float32 table with one row per map: in memory if it fits, else in the temporary file."""
        return self._allocate("masked", (len(self.rows), n_columns), MAXIMUM_SET_IN_MEMORY_IN_BYTES)

    def _new_store(self) -> np.ndarray | None:
        shape = (len(self.rows), *(self.source.box_size,) * 3)
        if (
            int(np.prod(shape)) * BYTES_PER_VOXEL > MAXIMUM_SET_IN_MEMORY_IN_BYTES
            and not self.source.decoding_is_slow
        ):
            return None
        return self._allocate("volumes", shape, MAXIMUM_SET_IN_MEMORY_IN_BYTES)

    def _allocate(self, name: str, shape: tuple[int, ...], limit_in_bytes: int) -> np.ndarray:
        if int(np.prod(shape)) * BYTES_PER_VOXEL <= limit_in_bytes:
            return np.empty(shape, dtype=np.float32)
        if self._scratch is None:
            self.scratch_folder.mkdir(parents=True, exist_ok=True)
            self._scratch = tempfile.TemporaryDirectory(prefix=".volumes_", dir=self.scratch_folder)
        path = Path(self._scratch.name) / f"{name}.npy"
        return np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
