"""The contract of a RELION External job, kept by a small process that watches a second one doing the work.

RELION ignores exit codes: a job is finished when RELION_JOB_EXIT_SUCCESS, _FAILURE or _ABORTED appears in its folder,
and without one it stays "Running" for ever. The worker can die in ways it cannot catch (the kernel's out-of-memory
killer, a crash in compiled code), so the watcher, which needs almost no memory, writes that file. The same file serves
ccpem-pipeliner, which goes by the exit code and stops a job by SIGTERM.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from types import FrameType

from gem_plugin.adapters.relion.arguments import output_folder, threads_wanted
from gem_plugin.adapters.relion.earlier_nodes import PIPELINE
from gem_plugin.adapters.relion.output_nodes import NODES_FILE
from gem_plugin.cli.waiting_threads import waiting_of_threads

ABORT_FILE = "RELION_JOB_ABORT_NOW"
CHANGED = ".pipeline_has_changed"  # RELION 3.1 to 5 look for it every few seconds, and remove it
SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_TO_END_AFTER_ABORT = 15.0  # then the worker is killed; an abort is to be honoured within 30 s
SECONDS_TO_END_AFTER_SIGNAL = 3.0  # ccpem-pipeliner and schedulers kill soon after SIGTERM
SIGNALS_TO_END = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class JobEnd(Enum):
    """How a job ended: the exit file for RELION, the exit code for ccpem-pipeliner and shells."""

    SUCCESS = ("RELION_JOB_EXIT_SUCCESS", 0)
    FAILURE = ("RELION_JOB_EXIT_FAILURE", 1)
    ABORTED = ("RELION_JOB_EXIT_ABORTED", 3)

    @property
    def file_name(self) -> str:
        return self.value[0]

    @property
    def exit_code(self) -> int:
        return self.value[1]


def run_external_job(worker_command: Sequence[str], arguments: Sequence[str]) -> int:
    """Run `worker_command + arguments` as an External job; the exit file is written in every case."""
    folder = output_folder(arguments)
    if folder is None or "--help" in arguments:
        return subprocess.call(
            [*worker_command, *arguments]
        )  # says what is wrong, or helps; there is no folder
    signals, end = _SignalsSeen(), JobEnd.FAILURE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_traces_of_an_earlier_start(folder)
        end = _watch([*worker_command, *arguments], threads_wanted(arguments), folder, signals)
    except OSError as error:
        _say(f"Error: the job cannot be run in {folder}: {error}")
    finally:  # also after an exception or sys.exit from a signal handler of a host program
        write_exit_file(folder, end)
    return end.exit_code


def write_exit_file(folder: Path, end: JobEnd) -> None:
    """Tell RELION that the job has ended."""
    try:
        (folder / end.file_name).touch()
    except OSError as error:
        _say(
            f"Error: {folder / end.file_name} cannot be written ({error}); RELION will show this job as running."
        )
    _wake_relion()


def _wake_relion() -> None:
    """Let an open window of RELION look for ended jobs now; without this file it looks at the next click of the user."""
    if Path(PIPELINE).is_file():
        with contextlib.suppress(OSError):
            Path(CHANGED).touch()


class _SignalsSeen:
    """Remembers the first signal that asks this process to end; a signal that was ignored at the start stays so."""

    def __init__(self) -> None:
        self.first: str | None = None
        for number in SIGNALS_TO_END:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._remember)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.first = self.first or signal.Signals(number).name


def _watch(command: Sequence[str], n_threads: int, folder: Path, signals: _SignalsSeen) -> JobEnd:
    """Start the worker, pass on requests to stop, and judge how it ended."""
    environment = {
        **waiting_of_threads(os.environ),
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, str(n_threads)),
    }
    worker = subprocess.Popen(command, env=environment, start_new_session=True)
    is_aborted, deadline = False, None
    try:
        while worker.poll() is None:
            is_abort_requested = (folder / ABORT_FILE).exists()
            if deadline is None and (signals.first or is_abort_requested):
                is_aborted = signals.first is None
                patience = SECONDS_TO_END_AFTER_ABORT if is_aborted else SECONDS_TO_END_AFTER_SIGNAL
                deadline = time.monotonic() + patience
                _say(f"{ABORT_FILE if is_aborted else signals.first} received: stopping")
                _signal_group(worker, signal.SIGTERM)
            if deadline is not None and time.monotonic() > deadline:
                _signal_group(worker, signal.SIGKILL)
            _wait_a_moment(worker)
    finally:
        _signal_group(worker, signal.SIGKILL)  # nothing that the worker started may outlive the job
    if worker.returncode == 0:
        return JobEnd.SUCCESS
    if is_aborted:
        return JobEnd.ABORTED
    _explain_signal(worker.returncode, was_asked_to_stop=deadline is not None)
    return JobEnd.FAILURE


def _wait_a_moment(worker: subprocess.Popen) -> None:
    try:
        worker.wait(SECONDS_BETWEEN_LOOKS)
    except subprocess.TimeoutExpired:
        return


def _signal_group(worker: subprocess.Popen, number: signal.Signals) -> None:
    """Signal the worker and whatever it started (it leads its own group); gone already is fine."""
    if not hasattr(os, "killpg"):  # Windows has no groups of processes
        worker.terminate()
        return
    try:
        os.killpg(worker.pid, number)
    except ProcessLookupError:
        return


def _explain_signal(return_code: int, was_asked_to_stop: bool) -> None:
    """One sentence for a worker that was killed; one that ended by itself has already said why."""
    if return_code >= 0 or was_asked_to_stop:
        return
    if -return_code == signal.SIGKILL:
        _say(
            "Error: the job was killed from outside, most likely because the memory ran out. Use a smaller working box "
            "or batch, or give the job more memory; Continue resumes from the last finished part."
        )
    else:
        _say(
            f"Error: the job crashed ({signal.Signals(-return_code).name}); the last lines above say where it was."
        )


def _remove_traces_of_an_earlier_start(folder: Path) -> None:
    """RELION removes old exit and abort files itself, other starters do not; none removes an old node list."""
    for name in (*(end.file_name for end in JobEnd), ABORT_FILE, NODES_FILE):
        (folder / name).unlink(missing_ok=True)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
