"""A clock whose pauses end at once: twenty minutes without a server are a moment in a test."""

import threading
from collections.abc import Callable

from gem_plugin.adapters.cryosparc.retries import Clock


class FakeClock:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.when_asleep: Callable[[float], None] = lambda seconds: (
            None
        )  # called after each pause, with the time
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.seconds += seconds
        self.when_asleep(self.seconds)

    def as_clock(self) -> Clock:
        return Clock(self.now, self.sleep)
