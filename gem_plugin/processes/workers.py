"""This process among those of one step, and values that all of them have, that are summed over them, or that one gets of all.

Tensors on a GPU go through NCCL, those of the CPU through gloo. Alone, nothing here does anything.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed

BYTES_AT_A_TIME = 2**26  # of an array on its way to the first process


@dataclass(frozen=True)
class Workers:
    """This process among those that work together."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:  # the one that writes and speaks
        return self.rank == 0

    def local_rows(self, values: Tensor) -> Tensor:
        """This process's part of a joint batch."""
        return values[self.rank :: self.size]

    def parts_of(self, n_rows: int, multiple: int = 1) -> list[slice]:
        """Consecutive rows for each process, as many as possible alike; all parts but the last begin and end at a multiple.

        Where work goes by pieces of that many rows, the pieces are those of one process alone.
        """
        n_pieces = -(-n_rows // multiple)
        edges = [min(n_rows, n_pieces * one // self.size * multiple) for one in range(self.size + 1)]
        return [slice(start, stop) for start, stop in itertools.pairwise(edges)]

    def own_part(self, n_rows: int, multiple: int = 1) -> slice:
        """The rows of this process."""
        return self.parts_of(n_rows, multiple)[self.rank]

    def mean(self, values: Tensor) -> Tensor:
        """The mean over the processes."""
        if self.size == 1:
            return values
        total = values.clone()
        distributed.all_reduce(total)
        return total / self.size

    def sum(self, values: Tensor) -> Tensor:
        return self.mean(values) * self.size

    def any(self, flag: Tensor) -> Tensor:  # () bool
        """Whether the flag is set in any process."""
        return flag if self.size == 1 else self.sum(flag.float()) > 0

    def sum_in_first_(self, values: Tensor) -> None:
        """Add the values of all processes to those of the first; what the others then hold means nothing."""
        if self.size > 1:
            distributed.reduce(values, 0)

    def fill_from_parts_(self, values: Tensor, multiple: int = 1) -> None:
        """Every process fills its part of the rows (parts_of); afterwards all have all rows."""
        if self.size == 1:
            return
        for rank, part in enumerate(self.parts_of(len(values), multiple)):
            if part.stop > part.start:
                distributed.broadcast(values[part], rank)

    def gathered(
        self,
        values: np.ndarray,  # (rows of this process, ...)
        n_rows: int,  # of all processes
        multiple: int = 1,
    ) -> np.ndarray:  # (n_rows, ...) in the first process, in the others what they gave
        """The parts (parts_of) of all processes together in the first."""
        if self.size == 1:
            return values
        parts = self.parts_of(n_rows, multiple)
        assert len(values) == parts[self.rank].stop - parts[self.rank].start
        row_bytes = max(1, values.dtype.itemsize * int(np.prod(values.shape[1:])))
        size = max(1, BYTES_AT_A_TIME // row_bytes)
        if not self.is_main:
            for start in range(0, len(values), size):
                distributed.send(_as_bytes(np.ascontiguousarray(values[start : start + size])), 0)
            return values
        together = np.empty((n_rows, *values.shape[1:]), values.dtype)
        together[parts[0]] = values
        for rank, part in enumerate(parts[1:], start=1):
            for start in range(part.start, part.stop, size):
                distributed.recv(_as_bytes(together[start : min(start + size, part.stop)]), rank)
        return together

    def from_first(self, values: np.ndarray | None) -> np.ndarray | None:
        """What the first process gives (None included), in all of them."""
        if self.size == 1:
            return values
        said: list[Any] = [None if values is None else (str(values.dtype), values.shape)]
        distributed.broadcast_object_list(said, 0, device=torch.device("cpu"))
        if said[0] is None:
            return None
        dtype, shape = said[0]
        filled = np.ascontiguousarray(values) if self.is_main else np.empty(shape, dtype)
        if filled.size:
            distributed.broadcast(_as_bytes(filled), 0)
        return filled


def _as_bytes(values: np.ndarray) -> Tensor:
    """The same memory, of whatever type, in the one type that all transports know."""
    return torch.from_numpy(values.reshape(-1).view(np.uint8))


def current_workers() -> Workers:
    """As torch.distributed was set up; alone when it was not."""
    if not distributed.is_available() or not distributed.is_initialized():
        return Workers()
    return Workers(distributed.get_rank(), distributed.get_world_size())


def rows_together(
    workers: Workers, n_rows: int, multiple: int, values_of: Callable[[slice], np.ndarray]
) -> np.ndarray:  # (n_rows, ...) in the first process
    """Every process computes its part of the rows, the first gets all."""
    return workers.gathered(values_of(workers.own_part(n_rows, multiple)), n_rows, multiple)
