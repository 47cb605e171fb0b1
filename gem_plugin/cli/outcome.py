"""How a program ends: every expected error becomes one message on stderr and an exit code."""

import errno
import sys
from collections.abc import Callable
from typing import Any

import click

from gem_plugin.errors import GemError, InputError, StopRequestedError

SUCCESS = 0
FAILURE = 1
WRONG_INPUT = 2
STOPPED = 3
INTERRUPTED = 130  # as a shell reports Ctrl-C
DISK_ERRORS = {
    errno.ENOSPC: "The disk is full. Free space or choose another folder",
    errno.EDQUOT: "Your disk quota is used up. Free space or choose another folder",
    errno.EFBIG: "A file became larger than this system allows. Choose another folder or raise the limit",
    errno.EROFS: "The disk is read-only. Choose another folder",
    errno.EACCES: "A file or folder may not be used by you. Change its permissions or choose another folder",
    errno.EPERM: "A file or folder may not be used by you. Change its permissions or choose another folder",
    errno.EIO: "The disk reports errors. Choose another disk, and have this one checked",
}
OUT_OF_MEMORY_WORDS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "unable to allocate",
)
OUT_OF_MEMORY_ADVICE = (
    "The memory ran out. Use a smaller working box or batch, fewer Gaussians, or a machine with more memory; "
    "finished steps are kept; run the same command again to resume."
)


def exit_code_of(work: Callable[[], Any]) -> int:
    """Do the work; say what went wrong, if anything, and give the exit code. Unforeseen errors are raised."""
    try:
        work()
    except StopRequestedError as error:
        return _end(STOPPED, f"Stopped: {error}")
    except InputError as error:
        return _end(WRONG_INPUT, f"Error: {error}")
    except GemError as error:
        return _end(FAILURE, f"Error: {error}")
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _end(
            INTERRUPTED, "Stopped by Ctrl-C. Finished steps are kept; run the same command again to resume."
        )
    except (MemoryError, RuntimeError, OSError) as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            kept = "finished steps are kept; run the same command again to resume"
            return _end(FAILURE, f"Error: {DISK_ERRORS[error.errno]}; {kept}. ({error})")
        if not is_out_of_memory(error):
            raise
        return _end(
            FAILURE,
            f"Error: {OUT_OF_MEMORY_ADVICE} ({str(error).splitlines()[0] if str(error) else 'MemoryError'})",
        )
    return SUCCESS


def is_out_of_memory(error: BaseException) -> bool:
    """Python's, numpy's and torch's ways to say that memory ran out."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in OUT_OF_MEMORY_WORDS)


def _end(code: int, message: str) -> int:
    print(message, file=sys.stderr, flush=True)
    return code
