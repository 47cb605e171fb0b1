"""What a job that ends early says last: the one command that sends its results, or that resumes its work."""

import contextlib
import sys
from collections.abc import Iterator

from gem_plugin.adapters.cryosparc.job_record import JobRecord, read_record
from gem_plugin.adapters.cryosparc.retries import ServerAwayError
from gem_plugin.errors import GemError, StopRequestedError


class Continuing:
    """The job that the command is about, once there is one."""

    def __init__(self) -> None:
        self._record: JobRecord | None = None

    def is_about(self, record: JobRecord) -> None:
        self._record = record

    def advice_after(self, error: BaseException) -> str:
        """Lines that end with the command; empty where none helps."""
        if self._record is None:
            return ""
        now = read_record(self._record.path, self._record.project) or self._record
        if now.is_computed:
            return (
                f"All results are whole in {now.run_folder}. Send them to CryoSPARC, when it answers again, with:\n"
                f"{now.command_to_send}"
            )
        if now.name and isinstance(error, ServerAwayError | StopRequestedError | KeyboardInterrupt):
            return f"Finished parts are in {now.run_folder}. Resume with:\n{now.command_to_resume}"
        return ""


@contextlib.contextmanager
def with_command_to_continue() -> Iterator[Continuing]:
    """An error that leaves the block says what to do as its last line."""
    continuing = Continuing()
    try:
        yield continuing
    except GemError as error:
        advice = continuing.advice_after(error)
        if not advice:
            raise
        raise type(error)(f"{error}\n{advice}") from error
    except BaseException as error:
        advice = continuing.advice_after(error)
        if advice:
            print(advice, file=sys.stderr, flush=True)
        raise
