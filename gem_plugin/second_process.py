"""A second process that does parts of a step while this one goes on, for work that Python does on one core, such as drawing.

It is a program of its own that answers calls: a fork would inherit the locks of threads, and multiprocessing would run the script of a
user once more. What it does not do, this process does itself: so errors and notices come as they always come, and a second process
that cannot start, or is killed, costs nothing but time. Calls and answers go through a pipe of multiprocessing that only these two
processes hold.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from gem_plugin.garbage import seldom_looked_for
from gem_plugin.notices import Notice, listening
from gem_plugin.operating_system import n_processors

THREADS = "OMP_NUM_THREADS"  # what a queue or RELION's Running tab allows
NOT_DONE = False, None
CAN_HAND_OVER_PIPES = sys.platform != "win32"  # elsewhere this process does everything
SECONDS_BETWEEN_CHECKS = 0.2  # of whether the work is to end
SECONDS_TO_END = 5.0  # for what it is in the middle of to be cleaned up
PROGRAM = (
    "import sys; sys.path[:] = {path!r}; from gem_plugin import second_process; second_process.answer_calls()"
)


def _go_on() -> None:
    """Default check: nobody asks to stop."""


class Call:
    """A call of a function, by whichever of the two processes comes to it first."""

    def __init__(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], answer: Future[Any] | None
    ) -> None:
        self._function, self._arguments, self._answer = function, arguments, answer

    def take_back(self) -> bool:
        """Do it here, unless the second process has begun it; gives whether it was done here."""
        if self._answer is None or not self._answer.cancel():
            return False
        value = self._function(*self._arguments)
        self._answer = Future()
        self._answer.set_result((True, value))
        return True

    def result(self, check_stop: Callable[[], None] = _go_on) -> Any:
        """What the function gives; waits for the second process, and does it here where that did not."""
        if self._answer is None:
            return self._function(*self._arguments)
        while not wait([self._answer], SECONDS_BETWEEN_CHECKS).done:
            check_stop()
        is_done, value = self._answer.result()
        return value if is_done else self._function(*self._arguments)


class SecondProcess:
    """Takes calls from its first one on, until the block ends. With one core for both, every call waits for its result()."""

    def __init__(self, *modules: str) -> None:  # that it imports before it is asked for anything
        self._modules = modules
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection[Any, Any] | None = None
        self._asking: ThreadPoolExecutor | None = None
        self._is_busy = False

    def __enter__(self) -> "SecondProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def begin(self, function: Callable[..., Any], *arguments: Any) -> Call:
        """A call that waits for whoever comes to it first."""
        if self._asking is None and CAN_HAND_OVER_PIPES and has_two_cores():
            self._start()
        answer = None if self._asking is None else self._asking.submit(self._ask, function, arguments)
        return Call(function, arguments, answer)

    def _start(self) -> None:
        ours, theirs = Pipe()
        number = theirs.fileno()
        command = [sys.executable, "-c", PROGRAM.format(path=sys.path), str(number), *self._modules]
        with theirs, contextlib.suppress(OSError):
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[number])
        self._pipe = ours
        self._asking = ThreadPoolExecutor(1)

    def _ask(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
        assert self._pipe is not None
        self._is_busy = True
        try:
            self._pipe.send((function, arguments))
            return self._pipe.recv()
        except Exception:  # it has ended, or the call cannot be sent: it is done here then
            return NOT_DONE
        finally:
            self._is_busy = False

    def _end(self) -> None:
        if self._asking is None or self._pipe is None:
            return
        self._asking.shutdown(wait=False, cancel_futures=True)
        if self._process is not None:
            if self._is_busy:
                self._process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(SECONDS_TO_END)
            self._process.kill()
            self._process.wait()
        self._asking.shutdown()
        self._pipe.close()
        self._process = self._pipe = self._asking = None


def has_two_cores() -> bool:
    """Whether this process may use more than one core."""
    allowed = os.environ.get(THREADS, "").split(",")[0]
    return n_processors() > 1 and allowed != "1" and bool(sys.executable)


def answer_calls() -> None:
    """The whole life of the second process: it ends when nobody is left who could ask."""
    number, *modules = sys.argv[1:]
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is printed here is not what the first one prints
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both processes, and the first one decides
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # files that are half written go
    with seldom_looked_for(), Connection(int(number)) as pipe, contextlib.suppress(EOFError, OSError):
        for module in modules:
            import_module(module)
        while True:
            function, arguments = _received(pipe)
            try:
                pipe.send(_done(function, arguments))
            except ConnectionError:
                return
            except Exception:  # what cannot be sent
                pipe.send(NOT_DONE)


def _received(pipe: "Connection[Any, Any]") -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The next call that is known here; the first process does others itself. Raises EOFError where nobody is left to ask."""
    while True:
        try:
            return pipe.recv()
        except (EOFError, OSError):
            raise
        except Exception:
            pipe.send(NOT_DONE)


def _done(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    """What a call gives. One that fails, or has something to say, is left to the first process, where it is heard."""
    heard: list[Notice] = []
    try:
        with listening(heard.append):
            answer = True, function(*arguments)
    except Exception:
        return NOT_DONE
    return NOT_DONE if heard else answer
