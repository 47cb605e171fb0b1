"""The time in which an external job runs: however it ends, CryoSPARC gets a report, and a job ended there ends here.

cryosparc-tools' own `with job.run()` marks a job completed after Ctrl-C, says nothing at SIGTERM, and loses long errors.
"""

import contextlib
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from types import FrameType

from gem_plugin.adapters.cryosparc.client_errors import without_secrets
from gem_plugin.adapters.cryosparc.external_job import ExternalJob
from gem_plugin.adapters.cryosparc.retries import (
    NO_PATIENCE,
    PATIENCE_IN_SECONDS,
    PATIENCE_OF_LAST_WORDS_IN_SECONDS,
    ServerAwayError,
)
from gem_plugin.errors import GemError, StopRequestedError

SECONDS_BETWEEN_STATUS_LOOKS = 15.0
MAXIMUM_SECONDS_FOR_LAST_LOOK = 10.0  # at the end; then the connection may be closed under a slow answer
STATUSES_OF_A_LIVE_JOB = ("running", "waiting")
MAXIMUM_TRACEBACK_IN_LOG = 100_000  # characters


class RunningJob:
    """Knows whether the work should stop: a signal came, or the job was ended in CryoSPARC."""

    def __init__(self, job: ExternalJob) -> None:
        self.job = job
        self.ended_in_cryosparc: str | None = None  # the status that it got there
        self._is_over = threading.Event()

    def check_stop(self) -> None:
        """Raise when the job was ended in CryoSPARC; called by every long loop."""
        if self.ended_in_cryosparc is not None:
            raise StopRequestedError(
                f"{self.job.uid} was marked as {self.ended_in_cryosparc} in CryoSPARC, so the work stops here. "
                "Finished parts are kept."
            )

    def _watch(self) -> None:
        """Runs in a thread of its own, so that a slow server does not hold up the work."""
        while not self._is_over.wait(SECONDS_BETWEEN_STATUS_LOOKS):
            try:
                status = self.job.status(NO_PATIENCE)
            except GemError:
                continue  # the server is away; whether the job was ended is seen at the next look
            if status not in STATUSES_OF_A_LIVE_JOB and not self._is_over.is_set():
                self.ended_in_cryosparc = status
                return

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Look at the status now and then while the block runs."""
        watcher = threading.Thread(target=self._watch, name="cryosparc-status", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._is_over.set()
            watcher.join(MAXIMUM_SECONDS_FOR_LAST_LOOK)


@contextlib.contextmanager
def running_job(job: ExternalJob) -> Iterator[RunningJob]:
    """Mark the job as running, and as completed or failed when the block ends, whatever ends it."""
    running = RunningJob(job)
    with signals_raise():
        try:
            job.start()
            with running.watched():
                yield running
            running.check_stop()
        except BaseException as error:  # KeyboardInterrupt and SystemExit are failures of the job too
            _report_failure(running, error)
            raise
        _report_end(job)


@contextlib.contextmanager
def signals_raise() -> Iterator[None]:
    """SIGTERM, SIGINT and SIGHUP raise StopRequestedError while the block runs: a scheduler, Ctrl-C, a closed terminal."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise StopRequestedError(
            f"the job was interrupted ({signal.Signals(number).name}). Finished parts are kept."
        )

    with _handlers(stop):
        yield


@contextlib.contextmanager
def signals_ignored() -> Iterator[None]:
    """The last report to CryoSPARC is not interrupted by a second signal."""
    with _handlers(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handlers(handler: object) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may change them, and only it gets signals
        return
    names = ("SIGTERM", "SIGINT", "SIGHUP")  # Windows has no SIGHUP
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, handler) for number in numbers}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def failure_sentence(error: BaseException) -> str:
    """What the job list shows: our own sentence, or the kind and first line of an unforeseen error."""
    if isinstance(error, GemError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "the job was interrupted (SIGINT). Finished parts are kept."
    first_line = without_secrets(str(error).strip().split("\n")[0])
    return f"Unexpected error, please report it: {type(error).__name__}: {first_line}"


def _report_end(job: ExternalJob) -> None:
    """Mark the job as completed. A second signal does not cut that off, unless the server is away for long."""
    try:
        with signals_ignored():
            job.finish(PATIENCE_OF_LAST_WORDS_IN_SECONDS)
    except ServerAwayError:
        job.finish()


def _report_failure(running: RunningJob, error: BaseException) -> None:
    """Log the traceback of an unforeseen error in pieces, then mark the job as failed with one sentence.

    After a signal, or when the server was waited for already, that is tried for half a minute, else as long as any call.
    """
    try:
        try:
            with signals_ignored():
                _mark_as_failed(running, error, PATIENCE_OF_LAST_WORDS_IN_SECONDS)
        except ServerAwayError:
            if isinstance(error, ServerAwayError | StopRequestedError | KeyboardInterrupt):
                raise
            _mark_as_failed(running, error, PATIENCE_IN_SECONDS)
    except GemError as second_error:  # the first error is the one to show; it is raised again by the caller
        print(
            f"{running.job.uid} could not be marked as failed in CryoSPARC: {second_error}",
            file=sys.stderr,
            flush=True,
        )


def _mark_as_failed(running: RunningJob, error: BaseException, patience_in_seconds: float) -> None:
    sentence = failure_sentence(error)
    if running.ended_in_cryosparc is not None:
        running.job.log(sentence, "warning", patience_in_seconds)
        return
    if not isinstance(error, GemError | KeyboardInterrupt):
        whole = without_secrets("".join(traceback.format_exception(error)))
        running.job.log(whole[-MAXIMUM_TRACEBACK_IN_LOG:], "error", patience_in_seconds)
    running.job.fail(sentence, patience_in_seconds)
