"""Progress with the time left: a bar in a terminal, one plain line every half minute in a log.

The same object carries the request to stop, so that every long loop can be ended between two rounds.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
SECONDS_BETWEEN_LOG_LINES = 30.0
SECONDS_BETWEEN_TICKS = 1.0  # of a clock in a terminal


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
        self.check_stop = check_stop
        self.seconds_between_lines = seconds_between_lines

    def say(self, message: str) -> None:
        """One line for the reader, above a running bar where there is one."""
        if self.stream.isatty():
            tqdm.write(message, file=self.stream)
        else:
            print(message, file=self.stream, flush=True)

    def track(
        self, items: Iterable[Item], description: str, total: int | None = None, unit: str = "it"
    ) -> Iterator[Item]:
        """Yield the items, reporting how many are done, how fast, and how long the rest will take."""
        if total is None:
            total = len(items) if hasattr(items, "__len__") else None  # type: ignore[arg-type]
        if self.stream.isatty():
            source: Iterable[Item] = tqdm(items, desc=description, total=total, unit=unit, file=self.stream)
        else:
            source = self._plain_lines(items, description, total, unit)
        for item in source:
            self.check_stop()
            yield item

    @contextlib.contextmanager
    def waiting(self, description: str) -> Iterator[None]:
        """For work in one piece, whose end nobody knows: the time so far, as often as a loop would report."""
        start = time.monotonic()
        is_over = threading.Event()
        teller = threading.Thread(target=self._tell_time, args=(description, start, is_over), daemon=True)
        teller.start()
        try:
            yield
        finally:
            is_over.set()
            teller.join()
        self.say(f"{description}: {time.monotonic() - start:.1f} s")
        self.check_stop()

    def _tell_time(self, description: str, start: float, is_over: threading.Event) -> None:
        if self.stream.isatty():
            with tqdm(
                desc=description, bar_format="{desc}: {elapsed} so far", file=self.stream, leave=False
            ) as bar:
                while not is_over.wait(SECONDS_BETWEEN_TICKS):
                    bar.refresh()
            return
        while not is_over.wait(self.seconds_between_lines):
            self.say(f"{description}: {tqdm.format_interval(time.monotonic() - start)} so far")

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
                self.say(
                    tqdm.format_meter(done, total or 0, now - start, prefix=description, unit=unit, ncols=0)
                )
        self.say(f"{description}: {done} {unit} in {time.monotonic() - start:.1f} s")
