"""The one place through which every call to CryoSPARC goes: tried again, with growing pauses, while the server is away.

What is away: no connection, no answer in time, an answer of 5xx, and a login that is no longer accepted (401), for which a new
one is made first. Everything else is an answer, and is raised at once as one sentence.
"""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from gem_plugin.adapters.cryosparc.client_errors import (
    explain,
    explained,
    is_answer_of_a_remote_call,
    is_worth_another_try,
    status_of,
)
from gem_plugin.errors import GemError, RunError

Result = TypeVar("Result")
PATIENCE_IN_SECONDS = 15 * 60.0  # for what matters
PATIENCE_AT_LOGIN_IN_SECONDS = 60.0  # before anything was computed: an address may as well be wrong
PATIENCE_OF_LAST_WORDS_IN_SECONDS = 30.0  # after a signal: a queue kills what does not end
PATIENCE_WITH_REMOTE_CALLS_IN_SECONDS = 120.0  # 4.7 gives code 500 to refusals and to failures alike
NO_PATIENCE = 0.0
PAUSES_IN_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)  # before each further try; then always the last
LOGIN_EXPIRED = 401


@dataclass(frozen=True)
class Clock:
    """Time as calls see it; tests replace it."""

    now: Callable[[], float] = time.monotonic  # seconds
    sleep: Callable[[float], None] = time.sleep


USUAL_CLOCK = Clock()


class ServerAwayError(RunError):
    """CryoSPARC did not come back in the time that was allowed."""


class ServerCalls:
    """Makes calls to one server. Threads may share it."""

    def __init__(self, log_in_again: Callable[[], None] | None = None, clock: Clock | None = None) -> None:
        self._log_in_again = log_in_again
        self._clock = clock or USUAL_CLOCK
        self._login = threading.Lock()
        self._n_logins = 0

    def do(
        self,
        call: Callable[[], Result],
        doing: str,  # for messages: "saving the output particles of J43"
        patience_in_seconds: float = PATIENCE_IN_SECONDS,
        is_done: Callable[[], bool] | None = None,  # for calls that must not be made twice
    ) -> Result | None:  # None only where is_done found that an earlier try had arrived
        """Make the call; GemError as one sentence when it fails for good, ServerAwayError when the server stays away."""
        start, n_tries, n_new_logins = self._clock.now(), 0, 0
        while True:
            n_logins = self._n_logins
            try:
                return call()
            except Exception as error:
                if status_of(error) == LOGIN_EXPIRED and self._has_new_login(n_logins):
                    n_new_logins += 1
                    if n_new_logins == 1:
                        continue
                waited = self._clock.now() - start
                pause = self._pause(error, n_tries, waited, patience_in_seconds)
                if pause is None:
                    if is_done is not None and _holds(is_done):
                        return None
                    _raise_explained(error, doing, waited, self._log_in_again is not None)
                if n_tries == 0 and patience_in_seconds > PATIENCE_OF_LAST_WORDS_IN_SECONDS:
                    _say_that_it_waits(error, doing, patience_in_seconds)
            n_tries += 1
            self._clock.sleep(pause)
            if is_done is not None and _holds(is_done):
                return None

    def needed(
        self,
        call: Callable[[], Result],
        doing: str,
        patience_in_seconds: float = PATIENCE_IN_SECONDS,
    ) -> Result:
        """The same for a call whose answer is used."""
        answers: list[Result] = []
        self.do(lambda: answers.append(call()), doing, patience_in_seconds)
        return answers[0]

    def _pause(
        self, error: Exception, n_tries: int, waited: float, patience_in_seconds: float
    ) -> float | None:
        """Seconds until the next try; None where there is none."""
        is_expired = status_of(error) == LOGIN_EXPIRED and self._log_in_again is not None
        if isinstance(error, GemError) or not (is_expired or is_worth_another_try(error)):
            return None
        if is_answer_of_a_remote_call(error):
            patience_in_seconds = min(patience_in_seconds, PATIENCE_WITH_REMOTE_CALLS_IN_SECONDS)
        if waited >= patience_in_seconds:
            return None
        return min(PAUSES_IN_SECONDS[min(n_tries, len(PAUSES_IN_SECONDS) - 1)], patience_in_seconds)

    def _has_new_login(self, n_logins: int) -> bool:
        """Log in again, unless another thread has done so since; False where it cannot be done now."""
        with self._login:
            if self._n_logins > n_logins:
                return True
            if self._log_in_again is None:
                return False
            try:
                self._log_in_again()
            except (
                Exception
            ):  # no credentials, or the server is away: the call is tried again later all the same
                return False
            self._n_logins += 1
            return True


def _holds(is_done: Callable[[], bool]) -> bool:
    try:
        return is_done()
    except Exception:  # cannot be found out now
        return False


def _raise_explained(error: Exception, doing: str, waited: float, was_logged_in: bool) -> NoReturn:
    is_expired = was_logged_in and status_of(error) == LOGIN_EXPIRED
    is_away = is_expired or is_worth_another_try(error)
    if isinstance(error, GemError) or not is_away:
        with explained(doing):
            raise error
    minutes = f"{waited / 60:.0f} minutes" if waited >= 90 else f"{waited:.0f} seconds"
    tried = f" Tried again for {minutes}." if waited >= 1 else ""
    raise ServerAwayError(explain(error, doing) + tried) from error


def _say_that_it_waits(error: Exception, doing: str, patience_in_seconds: float) -> None:
    advice = f" {explain(error, doing)}" if status_of(error) == LOGIN_EXPIRED else ""
    print(
        f"CryoSPARC does not answer as it should while {doing}; trying again for up to {patience_in_seconds / 60:.0f} minutes."
        + advice,
        file=sys.stderr,
        flush=True,
    )
