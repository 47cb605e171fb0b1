"""Only one process at a time works in a run folder; a second one is refused.

The lock belongs to the process, not to the file: it is gone when the process ends, however it ends.
"""

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from gem_plugin.errors import InputError, RunError
from gem_plugin.io.run.aside import undo_unfinished
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import remove_unfinished_files
from gem_plugin.operating_system import lock_without_waiting

_held: set[Path] = set()  # by this process: a run of several steps locks once


@contextlib.contextmanager
def locked_run(run: RunFiles) -> Iterator[None]:
    """Hold the run's lock; RunError says who holds it. Folders that know no locks are used without."""
    root = run.root.resolve()
    if root in _held:
        yield
        return
    with _opened(run) as handle:
        _lock_or_refuse(run, handle)
        remove_unfinished_files(root)
        undo_unfinished(run)
        _held.add(root)
        try:
            yield
        finally:
            _held.discard(root)


def _opened(run: RunFiles) -> IO[str]:
    try:
        run.root.mkdir(parents=True, exist_ok=True)
        return open(run.lock, "a+", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{run.root} cannot be made or written to: {error.strerror}. Choose another folder or change its permissions."
        ) from error


def _lock_or_refuse(run: RunFiles, handle) -> None:  # type: ignore[no-untyped-def]
    try:
        lock_without_waiting(handle)
    except BlockingIOError:
        handle.seek(0)
        raise RunError(
            f"Another process works in {run.root}: {handle.read().strip() or 'unknown'}. "
            "Wait until it has ended, or use another folder."
        ) from None
    except OSError:  # some network file systems offer no locks
        return
    handle.seek(0)
    handle.truncate()
    handle.write(f"process {os.getpid()} on {socket.gethostname()}: {' '.join(sys.argv)[:500]}\n")
    handle.flush()
