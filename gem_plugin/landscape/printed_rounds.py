"""Library calls that run in one piece but write a line for each round: the lines drive a loop of ours."""

import contextlib
import io
import re
from collections.abc import Callable, Iterator

from gem_plugin.progress import Track

COUNT_FORMAT, COUNT = "{n_fmt}/{total_fmt}", re.compile(r"(\d+)/(\d+)")  # of a tqdm bar, for CountedRounds


class PushedLoop:
    """A tracked loop that is moved on from outside."""

    def __init__(self, track: Track, description: str, unit: str) -> None:
        self._track, self._description, self._unit = track, description, unit
        self._rounds: Iterator[int] | None = None
        self.n_done = 0

    def advance_to(self, n_done: int, total: int) -> None:
        """So many rounds are done, and the next one begins."""
        if self._rounds is None:
            self._rounds = iter(self._track(range(total), self._description, unit=self._unit))
            next(self._rounds, None)
        while self.n_done < n_done:
            self.n_done += 1
            next(self._rounds, None)

    def close(self) -> None:
        """Let the loop go; one that ended early takes its bar away."""
        self._rounds = None


@contextlib.contextmanager
def rounds_printed(loop: PushedLoop, n_rounds: int, ends: str, begins: str = "") -> Iterator[None]:
    """What is printed within is swallowed. A line that starts with `ends` ends a round.

    The rounds begin after a line that starts with `begins`, or at once where that is empty.
    """

    def hear(text: str) -> None:
        if begins and text.startswith(begins):
            loop.advance_to(0, n_rounds)
        elif text.startswith(ends):
            loop.advance_to(loop.n_done + 1, n_rounds)

    if not begins:
        loop.advance_to(0, n_rounds)
    with contextlib.closing(loop), contextlib.redirect_stdout(_Listener(hear)):
        yield


class CountedRounds:
    """Arguments for a tqdm bar whose counts move a loop on. An error of the loop, such as a stop, waits for `finish`.

    Raised while tqdm writes, it would leave tqdm's lock held, and every other bar waiting for ever.
    """

    def __init__(self, loop: PushedLoop) -> None:
        self._loop = loop
        self._error: BaseException | None = None

    def tqdm_arguments(self) -> dict[str, object]:
        shape = {"bar_format": COUNT_FORMAT, "position": 0, "leave": False, "ascii": True, "disable": False}
        return {"file": _Listener(self._hear), "mininterval": 0, "miniters": 1, **shape}

    def finish(self) -> None:
        self._loop.close()
        if self._error is not None:
            raise self._error

    def _hear(self, text: str) -> None:
        count = COUNT.search(text)
        if count and self._error is None:
            try:
                self._loop.advance_to(int(count[1]), int(count[2]))
            except BaseException as error:
                self._error = error


class _Listener(io.TextIOBase):
    """A stream whose texts go to a function."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        super().__init__()
        self._hear = hear

    def write(self, text: str) -> int:
        self._hear(text)
        return len(text)
