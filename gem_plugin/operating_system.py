"""What differs between Linux, macOS and Windows: processors, locks of files, processes that have ended, memory, renamed files."""

import contextlib
import os
import sys
from pathlib import Path
from typing import IO

LOCKED_BYTE = 2**30  # behind everything that is written: Windows forbids reading what is locked


def n_processors() -> int:
    """Processors that this process may use, fewer than the machine has in a container or a job of a queue; all where the system does not tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lock_without_waiting(handle: IO[str]) -> None:
    """Lock an open file for this process until it is closed. BlockingIOError where another process holds it."""
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    import msvcrt

    handle.seek(LOCKED_BYTE)
    try:
        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
    except PermissionError as error:
        raise BlockingIOError(error.errno, "locked by another process") from error


def is_process_running(number: int) -> bool:
    """Whether a process of this number runs on this machine. Windows cannot be asked safely: taken as running there."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # of another user
        return True
    return True


def sync_file(path: Path) -> None:
    """Make the content of a file last through a power cut."""
    with open(
        path, "r+b" if sys.platform == "win32" else "rb"
    ) as handle:  # Windows syncs only what may be written
        os.fsync(handle.fileno())


def sync_folder(folder: Path) -> None:
    """Make a renaming in a folder last through a power cut, where the system can; others order these things themselves."""
    with contextlib.suppress(OSError):  # some network file systems; all folders on Windows
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def free_memory_in_bytes() -> float:
    """What Linux says is available, elsewhere half of what is installed; endless where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as handle:
            fields = dict(line.split(":", 1) for line in handle)
        return 1024 * float(fields["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2
    except (AttributeError, OSError, ValueError):
        return float("inf")
