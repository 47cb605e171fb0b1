"""How many processors this process may use; fewer than the machine has in a container or a job of a queue."""

import os


def n_processors() -> int:
    """Processors that this process may use; all of the machine where the system does not tell (macOS, Windows)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
