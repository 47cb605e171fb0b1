"""Progress with the time left: a bar in a terminal, one plain line every half minute in a log.

The same object carries the request to stop, so that every long loop can be ended between two rounds.
Maths that runs long loops takes a `Track`, such as `Progress(...).track`.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, Protocol, TextIO, TypeVar

from tqdm import tqdm

from gem_plugin.notices import WARNING, Notice

Item = TypeVar("Item")
SECONDS_BETWEEN_LOG_LINES = 30.0
SECONDS_BETWEEN_TICKS = 1.0  # of a clock in a terminal
MINIMUM_SECONDS_WORTH_A_LINE = 0.1  # of work in one piece
MINIMUM_SECONDS_OF_A_CLOCK = 0.01  # a thread that never sleeps would slow down the work


class Track(Protocol):
    """Passes the items of a loop on and reports how far it is."""

    def __call__(
        self,
        items: Iterable[Item],
        description: str,
        total: int | None = None,
        unit: str = "step",  # in the singular
    ) -> Iterable[Item]: ...


def untracked(
    items: Iterable[Item], description: str, total: int | None = None, unit: str = "step"
) -> Iterable[Item]:
    """The `Track` that reports nothing."""
    return items


def _nothing() -> None:
    """Default stop check: nobody asks."""


class Progress:
    """Reports the progress of loops to a stream, and raises when a stop is requested."""

    def __init__(
        self,
        stream: TextIO | None = None,  # default: sys.stderr when it is a terminal, else sys.stdout
        check_stop: Callable[[], None] = _nothing,  # raises StopRequestedError when the work must end
        seconds_between_lines: float = SECONDS_BETWEEN_LOG_LINES,
    ) -> None:
        self.stream = stream or (sys.stderr if sys.stderr.isatty() else sys.stdout)
        self.error_stream = stream or sys.stderr
        self._said: set[str] = set()  # warnings and notes: each once
        self.check_stop = check_stop
        self.seconds_between_lines = seconds_between_lines
        self._n_loops = (
            0  # that run now: each reports the time left, so that the clock around it need not speak
        )
        self._n_clocks = 0  # that run now: each says at its end how long all of it took

    def say(self, message: str) -> None:
        """One line for the reader, above a running bar where there is one."""
        self._write(message, self.stream)

    def warn(self, sentence: str) -> None:
        """A warning, on the error stream; the same one only once. For what the report finds by itself.

        Whoever reads data calls `gem_plugin.notices.warn` instead, which also reaches the report.
        """
        if sentence not in self._said:
            self._said.add(sentence)
            self._say_warning(sentence)

    def hear(self, notice: Notice) -> None:
        """A listener to `gem_plugin.notices`."""
        if notice.level == WARNING:
            self.warn(notice.sentence)
        elif notice.sentence not in self._said:
            self._said.add(notice.sentence)
            self._say_note(notice.sentence)

    def show_preview(self, view: object) -> None:
        """What training has found so far, for a program that shows pictures while it works; others show nothing."""

    def _say_warning(self, sentence: str) -> None:
        self._write(f"WARNING: {sentence}", self.error_stream)

    def _say_note(self, sentence: str) -> None:
        self.say(f"Note: {sentence}")

    def _write(self, message: str, stream: TextIO) -> None:
        if self.stream.isatty():
            tqdm.write(message, file=stream)
        else:
            print(message, file=stream, flush=True)

    def track(
        self, items: Iterable[Item], description: str, total: int | None = None, unit: str = "step"
    ) -> Iterator[Item]:
        """Yield the items, reporting how many are done, how fast, and how long the rest will take."""
        total = number_of(items) if total is None else total
        if self.stream.isatty():
            leave = self._n_clocks == 0
            source: Iterable[Item] = _Bar(
                items, desc=description, total=total, unit=unit, file=self.stream, leave=leave
            )
        else:
            source = self._plain_lines(items, description, total, unit)
        self._n_loops += 1
        try:
            for item in source:
                self.check_stop()
                yield item
        finally:
            self._n_loops -= 1

    @contextlib.contextmanager
    def waiting(self, description: str) -> Iterator[None]:
        """For work in one piece, whose end nobody knows: the time so far. Loops inside it report their time left."""
        start = time.monotonic()
        self._n_clocks += 1
        try:
            with self._clock(description, start):
                yield
        finally:
            self._n_clocks -= 1
        seconds = time.monotonic() - start
        if seconds >= MINIMUM_SECONDS_WORTH_A_LINE:
            self._say_end(f"{description}: {seconds:.1f} s")
        self.check_stop()

    @contextlib.contextmanager
    def _clock(self, description: str, start: float) -> Iterator[None]:
        if self.stream.isatty():
            text = "{desc}: {elapsed} so far"
            with (
                tqdm(desc=description, bar_format=text, file=self.stream, leave=False) as bar,
                every(SECONDS_BETWEEN_TICKS, bar.refresh),
            ):
                yield
            return
        with every(self.seconds_between_lines, lambda: self._say_time(description, start)):
            yield

    def _say_time(self, description: str, start: float) -> None:
        if not self._n_loops:
            self._say_state(time_so_far(description, start))

    def _say_state(self, message: str) -> None:
        """How far a loop or a clock is now."""
        self.say(message)

    def _say_end(self, message: str) -> None:
        """How long it took."""
        self.say(message)

    def _plain_lines(
        self, items: Iterable[Item], description: str, total: int | None, unit: str
    ) -> Iterator[Item]:
        start = last_line = time.monotonic()
        done = 0
        for item in items:
            yield item
            done += 1
            now = time.monotonic()
            if now - last_line >= self.seconds_between_lines:
                last_line = now
                self._say_state(meter(done, total, now - start, description, unit))
        if not self._n_clocks:
            self._say_end(f"{description}: {counted(done, unit)} in {time.monotonic() - start:.1f} s")


def meter(done: int, total: int | None, seconds: float, description: str, unit: str) -> str:
    """How far a loop is, as one plain line: fraction, number, time so far < time left, speed."""
    unit = _unit_of_speed(unit, done / seconds if seconds > 0 else None)
    return tqdm.format_meter(done, total or 0, seconds, prefix=description, unit=unit, ncols=0)


def counted(number: int, unit: str) -> str:
    """A number of things in plain English: 1 batch, 32 batches."""
    return f"{number} {unit if number == 1 else plural_of(unit)}"


def plural_of(unit: str) -> str:
    """The regular plural of an English word: batches, epochs, trajectories, maps."""
    if unit.endswith(("ch", "s", "x")) and not unit.endswith("och"):
        return f"{unit}es"
    if unit.endswith("y") and not unit.endswith(("ay", "ey", "oy", "uy")):
        return f"{unit[:-1]}ies"
    return f"{unit}s"


def _unit_of_speed(unit: str, items_per_second: float | None) -> str:
    """So that tqdm writes 7.5 batches/s, and 1.3s/batch where one takes longer than a second."""
    return unit if items_per_second is not None and items_per_second < 1 else f" {plural_of(unit)}"


class _Bar(tqdm):
    """A bar whose speed is in plain English."""

    @property
    def format_dict(self) -> dict[str, Any]:
        values = super().format_dict
        seconds = values["elapsed"]
        speed = values["rate"] or (values["n"] / seconds if seconds > 0 else None)
        return {**values, "unit": _unit_of_speed(values["unit"], speed)}


def time_so_far(description: str, start: float) -> str:  # start by time.monotonic()
    """How long work in one piece has taken, as one plain line."""
    return f"{description}: {tqdm.format_interval(time.monotonic() - start)} so far"


def number_of(items: Iterable[Any]) -> int | None:
    """How many items there are, where they know."""
    return len(items) if isinstance(items, Sized) else None


@contextlib.contextmanager
def every(seconds: float, call: Callable[[], Any]) -> Iterator[None]:
    """Call a function again and again beside the work, the first time after so many seconds."""
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.wait(max(seconds, MINIMUM_SECONDS_OF_A_CLOCK)):
            call()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
