"""Batches made ready ahead of time and sent without waiting, so that a device never waits for disk, memory or the CPU."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

BATCHES_AHEAD = 2

Batch = TypeVar("Batch")


def loaded_batches(
    batches: Iterable[Tensor],  # rows of each batch
    load: Callable[[Tensor], Batch],
    is_ahead: bool,  # load the next ones in a thread meanwhile; of use where the work is on another device
) -> Iterator[tuple[Tensor, Batch]]:
    """The rows and the loaded content of each batch, in order. An error in loading is raised here."""
    if not is_ahead:
        yield from ((rows, load(rows)) for rows in batches)
        return
    waiting: deque[tuple[Tensor, Future[Batch]]] = deque()
    with ThreadPoolExecutor(1) as worker:
        for rows in batches:
            waiting.append((rows, worker.submit(load, rows)))
            if len(waiting) > BATCHES_AHEAD:
                ready, future = waiting.popleft()
                yield ready, future.result()
        while waiting:
            ready, future = waiting.popleft()
            yield ready, future.result()


def send(values: Tensor, device: torch.device) -> Tensor:
    """CPU values on the device. A plain copy would first wait for all work that the device still has to do."""
    if device.type != "cuda" or values.is_cuda:
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)
