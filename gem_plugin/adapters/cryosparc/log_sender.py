"""Log lines and pictures for CryoSPARC, sent by a thread of their own: a server that is slow or away holds up no work.

They are sent in their order. While the server is away they wait here, and lines that replace an earlier one take its position.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gem_plugin.adapters.cryosparc.retries import ServerAwayError
from gem_plugin.errors import GemError

PAUSES_IN_SECONDS = (1.0, 5.0, 15.0, 60.0)  # between tries; then always the last
MAXIMUM_WAITING = 2000  # lines and pictures; the oldest give way
SECONDS_TO_END = 120.0  # for what still waits when the work has ended, as long as the server answers
SECONDS_TO_END_A_CALL = 10.0  # afterwards; the connection may then be closed under a slow answer


@dataclass
class _Item:
    send: Callable[[], None]
    replaces: str | None  # key of lines of which only the newest counts


class LogSender:
    """Sends in a thread, from the first item until `end`."""

    def __init__(self, say_unsent: Callable[[str], None]) -> None:
        self._say_unsent = say_unsent
        self._waiting: deque[_Item] = deque()
        self._changed = threading.Condition()
        self._is_sending = False
        self._n_failed = 0  # tries since the last success
        self._is_over = False
        self._thread: threading.Thread | None = None

    def put(self, send: Callable[[], None], replaces: str | None = None) -> None:
        """Send this later; of items with one key that still wait, the newest replaces the others."""
        with self._changed:
            if self._is_over:
                return
            for item in self._waiting if replaces is not None else ():
                if item.replaces == replaces:
                    item.send = send
                    return
            if len(self._waiting) >= MAXIMUM_WAITING:
                self._waiting.popleft()
            self._waiting.append(_Item(send, replaces))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="cryosparc-log", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, seconds: float = SECONDS_TO_END) -> bool:
        """Wait until everything is sent; False when the server is away, or the time is over."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._n_failed > 0 or not (self._waiting or self._is_sending), seconds
            )
            return not (self._waiting or self._is_sending)

    def end(self, seconds: float = SECONDS_TO_END) -> None:
        """Send what waits, as far as the server takes it, and end the thread."""
        with self._changed:
            self._n_failed = 0  # the server may be back: every item gets one more try
            self._changed.notify_all()
        self.flush(seconds)
        with self._changed:
            self._is_over = True
            n_unsent = len(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(SECONDS_TO_END_A_CALL)
        if n_unsent:
            self._say_unsent(f"{n_unsent} lines or pictures of the log")

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_over)
                if self._is_over:
                    return
                item = self._waiting.popleft()
                self._is_sending = True
            is_away = self._is_away_for(item)
            with self._changed:
                self._is_sending = False
                self._n_failed = self._n_failed + 1 if is_away else 0
                if is_away and not self._is_over:
                    self._waiting.appendleft(item)
                self._changed.notify_all()
                if is_away:
                    pause = PAUSES_IN_SECONDS[min(self._n_failed, len(PAUSES_IN_SECONDS)) - 1]
                    self._changed.wait_for(lambda: self._is_over or self._n_failed == 0, pause)

    def _is_away_for(self, item: _Item) -> bool:
        """Send one item; whether it is to be sent again. What the server refuses is said, and dropped."""
        try:
            item.send()
        except ServerAwayError:
            return True
        except Exception as error:  # whatever it is, the lines after it are sent
            self._say_unsent(
                str(error) if isinstance(error, GemError) else f"{type(error).__name__}: {error}"
            )
        return False
