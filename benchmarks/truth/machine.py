"""The class of the machine that a figure was measured on."""

import os
import platform
import re
from pathlib import Path


def machine_class() -> str:
    """Number of processors that may be used and what they are; no name of the machine."""
    cpu = platform.processor() or platform.machine()
    path = Path("/proc/cpuinfo")
    if path.is_file() and (found := re.search(r"^model name\s*:\s*(.+)$", path.read_text(), re.M)):
        cpu = found[1]
    n_processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{n_processors} processors, {cpu}"
