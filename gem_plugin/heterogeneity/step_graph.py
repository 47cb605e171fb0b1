"""The steps of an epoch as replays of one CUDA graph, so that a GPU never waits for Python.

A step is a few hundred small operations, and Python needs longer to start them than a GPU to do them. Where everything that a
step reads lies on the device, its operations are recorded once an epoch and then started with one call a step; rows, random
numbers and the numbers that change from step to step lie in tables on the device, and a counter there says which row is due.
All steps have the same shapes: particles that own several images come with equally many, chosen before the epoch.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from gem_plugin.notices import warn

STEPS_BEFORE_RECORDING = 3  # taken one operation at a time: kernels are compiled and memory is found


class StepTables(NamedTuple):
    """What the steps of an epoch take, a row a step, on the device."""

    rows: Tensor  # (n_steps, batch) int64
    noise: Tensor  # (n_steps, batch, latent_size)
    numbers: Tensor  # (n_steps, k) float32
    images: Tensor | None = None  # (n_steps, batch, width) int64: the choice where particles own several

    def of_step(self, step: Tensor) -> tuple[Tensor, ...]:  # step (1,) int64, on the device
        return tuple(table.index_select(0, step)[0] for table in self if table is not None)


TakeStep = Callable[..., Tensor]  # rows, noise, numbers, and images if any -> what the step adds to the sums


def replay_steps(
    take_step: TakeStep,
    tables: StepTables,
    sums: Tensor,  # on the device; every step adds to it
    order: Iterable[object],  # one thing a step, as a progress bar hands them out
) -> Iterator[int]:
    """Do all steps; the number of each is given after it was started. Without a graph where recording fails."""
    step = torch.zeros(1, dtype=torch.int64, device=sums.device)

    def next_step() -> None:
        sums.add_(take_step(*tables.of_step(step)))
        step.add_(1)

    graph: torch.cuda.CUDAGraph | None = None
    can_record = True
    stream = _stream_of(sums.device)
    stream.wait_stream(torch.cuda.current_stream(sums.device))
    with torch.cuda.stream(stream):
        for number, _ in enumerate(order, start=1):
            if graph is None and can_record and number > STEPS_BEFORE_RECORDING:
                graph = _recorded(next_step)
                can_record = graph is not None
            if graph is None:
                next_step()
            else:
                graph.replay()
            yield number
    torch.cuda.current_stream(sums.device).wait_stream(stream)


def _recorded(next_step: Callable[[], None]) -> torch.cuda.CUDAGraph | None:
    """The operations of a step on the current stream, none of which is done; None with a warning where that cannot be."""
    graph = torch.cuda.CUDAGraph()
    try:
        graph.capture_begin()
        try:
            next_step()
        finally:
            graph.capture_end()
    except RuntimeError as error:
        torch.cuda.synchronize()
        reason = str(error).strip().splitlines()[:1]
        warn(
            f"The steps of training could not be recorded as a CUDA graph ({' '.join(reason)}), so that they are started one "
            "operation at a time, which takes several times as long. The results are the same."
        )
        return None
    return graph


@cache
def _stream_of(
    device: torch.device,
) -> torch.cuda.Stream:  # not the usual one, on which nothing can be recorded
    return torch.cuda.Stream(device)
