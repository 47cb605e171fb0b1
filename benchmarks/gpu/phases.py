"""Where the seconds of a step go, by what it reports of its loops and its work in one piece."""

import contextlib
import time
from collections.abc import Iterable, Iterator
from typing import Any

from gem_plugin.pipeline.logged_progress import LoggedProgress

REST = "all else"
LEAST_SECONDS = 0.05  # of a row; shorter ones are one together


class TimedPhases(LoggedProgress):
    """Adds up the seconds of all that is reported; what runs within another phase is part of that.

    A GPU works on while the processors report, so seconds are those of the phase that waits for it.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.seconds: dict[str, float] = {}
        self._depth = 0

    def track(self, items: Iterable[Any], description: str, *arguments: Any, **options: Any) -> Iterator[Any]:
        with self._timed(description):
            yield from super().track(items, description, *arguments, **options)

    @contextlib.contextmanager
    def waiting(self, description: str) -> Iterator[None]:
        with self._timed(description), super().waiting(description):
            yield

    @contextlib.contextmanager
    def _timed(self, description: str) -> Iterator[None]:
        start, is_outermost = time.perf_counter(), self._depth == 0
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if is_outermost:
                name = description.rstrip("0123456789 ")  # half-maps of state 1, 2, ... together
                self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def rows(self, total_seconds: float) -> list[dict[str, Any]]:
        """The longest first; at the end what was not reported, or too short."""
        long = {name: value for name, value in self.seconds.items() if value >= LEAST_SECONDS}
        rows = [{"phase": name, "seconds": long[name]} for name in sorted(long, key=lambda one: -long[one])]
        return [*rows, {"phase": REST, "seconds": total_seconds - sum(long.values())}]
