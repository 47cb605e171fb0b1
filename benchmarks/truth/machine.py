"""The class of the machine that a figure was measured on."""

import contextlib
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path


def machine_class() -> str:
    """Number of processors that may be used and what they are; no name of the machine."""
    cpu = platform.processor() or platform.machine()
    path = Path("/proc/cpuinfo")
    if path.is_file() and (found := re.search(r"^model name\s*:\s*(.+)$", path.read_text(), re.M)):
        cpu = found[1]
    n_processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{n_processors} processors, {cpu}"


@contextlib.contextmanager
def locked(path: Path | None) -> Iterator[None]:
    """Hold the lock of a file (flock), so that measurements on one machine wait for each other; None: no lock."""
    if path is None:
        yield
        return
    import fcntl  # not on Windows

    with open(path, "a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
