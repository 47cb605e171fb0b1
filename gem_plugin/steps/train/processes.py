"""Joining the processes that torchrun started, and leaving again. Alone, nothing happens."""

import contextlib
import io
import os
from collections.abc import Iterator

import torch
from torch import distributed

from gem_plugin.errors import InputError
from gem_plugin.heterogeneity.workers import Workers, current_workers
from gem_plugin.progress import Progress


@contextlib.contextmanager
def joined_workers(requested_device: str) -> Iterator[tuple[Workers, str]]:
    """Set up torch.distributed when torchrun started us; gives the workers and the device of this process."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Workers(), requested_device
        return
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    has_gpu = requested_device in ("auto", "cuda") and torch.cuda.is_available()
    if has_gpu and local_rank >= torch.cuda.device_count():
        raise InputError(
            f"torchrun started process {local_rank + 1} here, but this machine offers {torch.cuda.device_count()} CUDA "
            "devices. Give --nproc-per-node their number, or --device cpu."
        )
    if has_gpu:
        torch.cuda.set_device(local_rank)
    distributed.init_process_group("nccl" if has_gpu else "gloo")
    try:
        yield current_workers(), f"cuda:{local_rank}" if has_gpu else "cpu"
    finally:
        distributed.destroy_process_group()


def quiet(progress: Progress) -> Progress:
    """The same stop check, silently: for the processes beside the main one."""
    return Progress(stream=io.StringIO(), check_stop=progress.check_stop)


def wait_for_all(workers: Workers) -> None:
    if workers.size > 1:
        distributed.barrier()
