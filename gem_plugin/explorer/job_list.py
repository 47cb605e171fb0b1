"""The one list of what the page started: reconstructions, steps, jobs of RELION and CryoSPARC. It is kept with the run.

One heavy job runs at a time; a second one is refused by a sentence that names the first.
"""

import contextlib
import dataclasses
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gem_plugin.errors import InputError, RunError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import write_text_whole

RUNNING, DONE, FAILED, STOPPED = "running", "done", "failed", "stopped"
MAXIMUM_JOBS = 100  # the oldest ended ones are forgotten
MAXIMUM_WORDS = 500  # characters of a reason
WITHOUT_AN_END = "the explorer was stopped before it had ended"


@dataclass
class Job:
    """One line of the list."""

    number: int
    kind: str  # reconstruction, landscape, select, RELION job ...
    title: str
    state: str = RUNNING
    words: str = ""  # what it does now; how it ended
    fraction: float | None = None  # 0 to 1; None: nobody knows
    started: float = field(default_factory=time.time)  # seconds of the clock
    ended: float | None = None
    result: dict[str, Any] = field(default_factory=dict)


def nobody_stops() -> None:
    """Of a job that ends by itself."""


class JobList:
    """All methods may be called from any thread."""

    def __init__(self, files: RunFiles) -> None:
        self.files = files
        self._lock = threading.Lock()
        self._stops: dict[int, Callable[[], None]] = {}
        self._jobs = self._kept()

    def begin(self, kind: str, title: str, stop: Callable[[], None] = nobody_stops) -> int:
        """A job that runs from now on; gives its number. RunError where another one runs."""
        with self._lock:
            if running := self._running():
                raise RunError(
                    f"The {running.kind} {running.title} is still running. Wait until it has finished, or stop it."
                )
            job = Job(self._next_number(), kind, title)
            self._jobs.append(job)
            self._stops[job.number] = stop
            self._keep()
            return job.number

    def add_ended(self, kind: str, title: str, words: str, result: dict[str, Any] | None = None) -> None:
        """A job that was done at once."""
        with self._lock:
            now = time.time()
            number = self._next_number()
            self._jobs.append(Job(number, kind, title, DONE, words, 1.0, now, now, result or {}))
            self._keep()

    def report(self, number: int, words: str, fraction: float | None) -> None:
        """What it does now, and how far it is."""
        with self._lock:
            job = self._job(number)
            if job.state == RUNNING:
                job.words, job.fraction = words[:MAXIMUM_WORDS], fraction

    def end(self, number: int, state: str, words: str = "", result: dict[str, Any] | None = None) -> None:
        """It has ended; words say how."""
        with self._lock:
            job = self._job(number)
            job.state, job.words, job.ended = state, words[:MAXIMUM_WORDS], time.time()
            job.result = result or {}
            self._stops.pop(number, None)
            self._keep()

    def stop(self, number: int) -> None:
        """Ask a job to end; it says itself when it has."""
        with self._lock:
            job = self._job(number)
            stop = self._stops.get(number)
            if job.state == RUNNING:
                job.words = "stopping ..."
        if stop is not None:
            stop()

    def remove(self, number: int) -> None:
        """Take an ended job off the list; its results stay."""
        with self._lock:
            job = self._job(number)
            if job.state == RUNNING:
                raise InputError(f"The {job.kind} {job.title} is still running. Stop it first.")
            self._jobs.remove(job)
            self._keep()

    def running(self) -> Job | None:
        with self._lock:
            return self._running()

    def described(self) -> list[dict[str, Any]]:
        """The newest first."""
        with self._lock:
            return [dataclasses.asdict(job) for job in reversed(self._jobs)]

    def _running(self) -> Job | None:
        return next((job for job in self._jobs if job.state == RUNNING), None)

    def _job(self, number: int) -> Job:
        found = next((job for job in self._jobs if job.number == number), None)
        if found is None:
            raise InputError(f"There is no job {number} in the list. Load the page again.")
        return found

    def _next_number(self) -> int:
        return max((job.number for job in self._jobs), default=0) + 1

    def _keep(self) -> None:
        """A disk that is full or a run that is gone does not end a job: the list then lives in memory."""
        while len(self._jobs) > MAXIMUM_JOBS and self._jobs[0].state != RUNNING:
            self._jobs.pop(0)
        if self.files.root.is_dir():
            with contextlib.suppress(OSError):
                content = [dataclasses.asdict(job) for job in self._jobs]
                write_text_whole(self.files.explore.job_list, json.dumps(content, indent=1) + "\n")

    def _kept(self) -> list[Job]:
        """Those of the last time; what cannot be read is left out."""
        try:
            jobs = [Job(**one) for one in json.loads(self.files.explore.job_list.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError):
            return []
        for job in jobs:
            if job.state == RUNNING:
                job.state, job.words, job.ended = STOPPED, WITHOUT_AN_END, job.ended or time.time()
        return jobs
