"""Devices, threads and free memory of this machine."""

import os

import torch

from gem_plugin import operating_system
from gem_plugin.errors import InputError
from gem_plugin.operating_system import n_processors

NO_MPS = "which GEM does not use: it has no double precision, and no kernel of ours runs there"


def free_memory_in_bytes(device: torch.device | None = None) -> float:
    """Free memory of the device (default: the CPU); endless where the system does not tell."""
    if device is not None and device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return operating_system.free_memory_in_bytes()


def choose_device(requested: str) -> torch.device:
    """auto, cpu, cuda or cuda:N. Raises InputError for a device that is not there."""
    if requested == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(requested)
    except RuntimeError as error:
        raise InputError(f"--device is {requested!r}; expected auto, cpu, cuda or cuda:N.") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"--device is {requested}, but this machine offers {torch.cuda.device_count()} CUDA devices. "
            "Use --device cpu, or check the driver with nvidia-smi."
        )
    if device.type == "mps":
        raise InputError(f"--device is {requested}, the GPU of a Mac, {NO_MPS}. Use --device cpu.")
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"--device is {requested!r}; expected auto, cpu, cuda or cuda:N.")
    return device


def set_threads(requested: int | None) -> int:
    """Use this many CPU threads in torch and Numba; default: the processors that this process may use."""
    import numba

    n_threads = requested or int(os.environ.get("OMP_NUM_THREADS") or n_processors())
    torch.set_num_threads(n_threads)
    started = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]  # by the environment, else one a processor
    numba.set_num_threads(min(n_threads, n_processors(), started))
    return n_threads
