"""The maps of the sketch, one after the other, as often as needed, in little memory, on the device that decodes them.

Small sets stay in memory, of a card where one decodes; slow decoders write to a temporary file once; fast ones simply decode again.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gem_plugin.devices import free_memory_in_bytes
from gem_plugin.landscape.volume_source import VolumeSource

MAXIMUM_SET_IN_MEMORY_IN_BYTES = 1_200_000_000
SHARE_OF_A_CARD = 0.4  # of its free memory: the maps take one such share, their masked voxels one of the rest
BYTES_PER_VOXEL = 4


class SketchVolumes:
    """Decoded maps of chosen particles. Use as a context, so that the temporary file is removed."""

    def __init__(self, source: VolumeSource, rows: np.ndarray, scratch_folder: Path) -> None:
        self.source = source
        self.rows = rows
        self.scratch_folder = scratch_folder
        self._stored: Tensor | None = None  # (k, d, d, d) once everything has been decoded
        self._scratch: tempfile.TemporaryDirectory | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __enter__(self) -> "SketchVolumes":
        return self

    def __exit__(self, *_: object) -> None:
        self._stored = None
        if self._scratch is not None:
            self._scratch.cleanup()

    def all(self) -> Iterator[Tensor]:
        """All maps in order, (d, d, d) each. Do not change them; copy first."""
        if self._stored is not None:
            yield from self._stored
            return
        store = self._new_store()
        for number, volume in enumerate(self.source.maps_on_device(self.source.latents[self.rows])):
            if store is not None:
                store[number] = volume
            yield volume
        self._stored = store

    def at(self, positions: Sequence[int] | np.ndarray) -> Iterator[Tensor]:
        """The maps at some positions of the sketch."""
        if self._stored is not None:
            for position in positions:
                yield self._stored[position]
            return
        yield from self.source.maps_on_device(self.source.latents[self.rows[np.asarray(positions)]])

    def new_matrix(self, n_columns: int) -> Tensor:
        """An empty float32 table with one row per map: beside the maps if it fits, else in memory or the temporary file."""
        return self._allocate("masked", (len(self.rows), n_columns))

    def _new_store(self) -> Tensor | None:
        shape = (len(self.rows), *(self.source.box_size,) * 3)
        if not self._fits(shape, torch.device(self.source.device)) and not self.source.decoding_is_slow:
            return None
        return self._allocate("volumes", shape)

    def _fits(self, shape: tuple[int, ...], device: torch.device) -> bool:
        limit = float(MAXIMUM_SET_IN_MEMORY_IN_BYTES)
        if device.type != "cpu":
            limit = SHARE_OF_A_CARD * free_memory_in_bytes(device)
        return int(np.prod(shape)) * BYTES_PER_VOXEL <= limit

    def _allocate(self, name: str, shape: tuple[int, ...]) -> Tensor:
        for device in (torch.device(self.source.device), torch.device("cpu")):
            if self._fits(shape, device):
                return torch.empty(shape, device=device)
        if self._scratch is None:
            self.scratch_folder.mkdir(parents=True, exist_ok=True)
            self._scratch = tempfile.TemporaryDirectory(prefix=".volumes_", dir=self.scratch_folder)
        path = Path(self._scratch.name) / f"{name}.npy"
        return torch.from_numpy(np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape))
