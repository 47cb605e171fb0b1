"""Calls that are made again: which, how often, for how long, and what is said in the end."""

import pytest

from gem_plugin.adapters.cryosparc.retries import NO_PATIENCE, Clock, ServerAwayError, ServerCalls
from gem_plugin.errors import GemError, InputError, RunError


class AnswerError(Exception):
    """As cryosparc-tools raises it."""

    def __init__(self, code: int) -> None:
        super().__init__(f"status {code}")
        self.code = code


class Time:
    """Passes when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds, self.pauses = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.pauses.append(seconds)

    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, self.sleep)


def failing(time: Time, error: Exception, until: float):
    """A call that fails until a time."""

    def call() -> str:
        if time.seconds < until:
            raise error
        return "done"

    return call


@pytest.mark.parametrize(
    "error",
    [ConnectionResetError("reset"), AnswerError(500), AnswerError(503), AnswerError(429), TimeoutError()],
)
@pytest.mark.parametrize("seconds", [1.0, 40.0, 880.0])
def test_what_passes_is_waited_for(error: Exception, seconds: float) -> None:
    time = Time()
    calls = ServerCalls(clock=time.clock())
    assert calls.needed(failing(time, error, seconds), "saving") == "done"
    assert seconds <= time.seconds < seconds + 61


def test_pauses_grow_and_end_after_a_quarter_of_an_hour() -> None:
    time = Time()
    with pytest.raises(ServerAwayError, match=r"while saving the output.* Tried again for 1[56] minutes"):
        ServerCalls(clock=time.clock()).do(
            failing(time, ConnectionRefusedError("refused"), 1200), "saving the output"
        )
    assert 900 <= time.seconds < 1000
    assert time.pauses == sorted(time.pauses)
    assert len(time.pauses) < 30


@pytest.mark.parametrize(("error", "kind"), [(AnswerError(422), RunError), (AnswerError(403), InputError)])
def test_an_answer_is_raised_at_once(error: Exception, kind: type[GemError]) -> None:
    time = Time()
    with pytest.raises(kind, match="while saving"):
        ServerCalls(clock=time.clock()).do(failing(time, error, 1.0), "saving")
    assert time.pauses == []


def test_no_patience_is_one_try() -> None:
    time, tries = Time(), []

    def call() -> None:
        tries.append(1)
        raise ConnectionResetError

    with pytest.raises(ServerAwayError):
        ServerCalls(clock=time.clock()).do(call, "logging", NO_PATIENCE)
    assert (len(tries), time.pauses) == (1, [])


@pytest.mark.parametrize("patience", [NO_PATIENCE, 900.0])
def test_an_expired_login_is_renewed_and_the_call_made_again(patience: float) -> None:
    time, logins = Time(), []

    def call() -> str:
        if not logins:
            raise AnswerError(401)
        return "done"

    calls = ServerCalls(lambda: logins.append(time.seconds), time.clock())
    assert calls.needed(call, "saving", patience) == "done"
    assert (logins, time.pauses) == ([0.0], [])


def test_a_login_that_cannot_be_renewed_yet_is_tried_with_each_call() -> None:
    time, valid = Time(), []

    def log_in() -> None:
        if time.seconds < 100:
            raise ValueError("no credentials")
        valid.append(1)

    def call() -> str:
        if not valid:
            raise AnswerError(401)
        return "done"

    assert ServerCalls(log_in, time.clock()).needed(call, "saving") == "done"
    assert 100 <= time.seconds < 200


def test_a_call_that_had_arrived_is_not_made_twice() -> None:
    """The answer is lost, not the call: connecting an input again would double its particles."""
    time, connected = Time(), []

    def connect() -> None:
        connected.append("J42")
        raise ConnectionResetError

    ServerCalls(clock=time.clock()).do(connect, "connecting", is_done=lambda: len(connected) == 1)
    assert connected == ["J42"]


def test_a_repeated_call_that_is_refused_because_it_had_arrived_is_done() -> None:
    """cryosparc-tools 5 repeats a dropped call by itself, and gets a refusal for the second one."""

    def stop() -> None:
        raise AnswerError(422)

    ServerCalls(clock=Time().clock()).do(stop, "marking J43 as completed", is_done=lambda: True)
    with pytest.raises(RunError, match="did not accept it"):
        ServerCalls(clock=Time().clock()).do(stop, "marking J43 as completed", is_done=lambda: False)


def test_our_own_errors_are_answers() -> None:
    def call() -> None:
        raise InputError("The file is damaged.")

    with pytest.raises(InputError, match="damaged"):
        ServerCalls(clock=Time().clock()).do(call, "loading")


def test_the_user_is_shown_once_that_it_waits(capsys: pytest.CaptureFixture) -> None:
    time = Time()
    ServerCalls(clock=time.clock()).do(failing(time, ConnectionResetError(), 100), "saving the output")
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "while saving the output; trying again for up to 15 minutes" in shown
