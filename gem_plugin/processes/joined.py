"""Joining the processes of one launch for one step, and leaving again. Alone, nothing happens."""

import contextlib
import io
from collections.abc import Iterator
from datetime import timedelta

import torch
from torch import distributed

from gem_plugin.errors import InputError
from gem_plugin.processes.channel import open_channel
from gem_plugin.processes.launched import local_rank, n_processes
from gem_plugin.processes.workers import Workers, current_workers
from gem_plugin.progress import Progress

LONGEST_WAIT_IN_HOURS = (
    24  # for one another: processes that have ended are found out in another way (watch.py)
)


@contextlib.contextmanager
def joined_workers(requested_device: str) -> Iterator[tuple[Workers, str]]:
    """Set up torch.distributed when torchrun started us; gives the workers and the device of this process.

    Tensors of the CPU go through gloo, those of GPUs through NCCL. Every process must come here for the same step.
    """
    if n_processes() == 1:
        yield Workers(), requested_device
        return
    if requested_device not in ("auto", "cpu", "cuda"):
        raise InputError(
            f"--device is {requested_device}; of several processes each takes the GPU of its own number. Expected auto, cuda or cpu."
        )
    has_gpu = requested_device in ("auto", "cuda") and torch.cuda.is_available()
    if requested_device == "cuda" and not has_gpu:
        raise InputError("--device is cuda, but this machine offers no CUDA device. Use --device cpu.")
    if has_gpu and local_rank() >= torch.cuda.device_count():
        raise InputError(
            f"torchrun started process {local_rank() + 1} here, but this machine offers {torch.cuda.device_count()} CUDA "
            "devices. Give --nproc-per-node their number, or --device cpu."
        )
    if has_gpu:
        torch.cuda.set_device(local_rank())
    channel = open_channel()
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if has_gpu else "gloo",
        store=channel.next_group(),
        rank=channel.rank,
        world_size=channel.size,
        timeout=timedelta(hours=LONGEST_WAIT_IN_HOURS),
    )
    yield current_workers(), f"cuda:{local_rank()}" if has_gpu else "cpu"
    distributed.destroy_process_group()  # not after an error: it would wait for the others, and the process ends anyway


def quiet(progress: Progress) -> Progress:
    """The same stop check, silently: for the processes beside the main one."""
    return Progress(stream=io.StringIO(), check_stop=progress.check_stop)


def wait_for_all(workers: Workers) -> None:
    if workers.size > 1:
        distributed.barrier()
