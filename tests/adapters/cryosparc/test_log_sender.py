"""Lines for CryoSPARC that nobody waits for: in their order, later where the server is away, the newest of a kind."""

import threading
import time

import pytest

from gem_plugin.adapters.cryosparc import log_sender
from gem_plugin.adapters.cryosparc.log_sender import LogSender
from gem_plugin.adapters.cryosparc.retries import ServerAwayError
from gem_plugin.errors import RunError


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_sender, "PAUSES_IN_SECONDS", (0.01, 0.02))


class Server:
    """Takes lines, unless it is away."""

    def __init__(self) -> None:
        self.lines, self.is_away = list[str](), False
        self.unsent: list[str] = []

    def take(self, line: str) -> None:
        if self.is_away:
            raise ServerAwayError("away")
        self.lines.append(line)


def test_lines_arrive_in_their_order_and_the_thread_ends() -> None:
    server, before = Server(), set(threading.enumerate())
    sender = LogSender(server.unsent.append)
    for number in range(20):
        sender.put(lambda number=number: server.take(str(number)))  # type: ignore[misc]
    sender.end()
    assert server.lines == [str(number) for number in range(20)]
    assert set(threading.enumerate()) <= before
    assert server.unsent == []


def test_nothing_waits_for_a_server_that_is_slow() -> None:
    server = Server()
    sender = LogSender(server.unsent.append)
    begin = time.monotonic()
    for _ in range(5):
        sender.put(lambda: time.sleep(0.2))
    assert time.monotonic() - begin < 0.1
    sender.end()


def test_lines_wait_while_the_server_is_away_and_only_the_newest_of_a_kind_is_kept() -> None:
    server = Server()
    server.is_away = True
    sender = LogSender(server.unsent.append)
    sender.put(lambda: server.take("first"))
    for number in range(50):
        sender.put(lambda number=number: server.take(f"epoch {number}"), "epochs")  # type: ignore[misc]
    sender.put(lambda: server.take("last"))
    time.sleep(0.1)
    server.is_away = False
    sender.end()
    assert server.lines == ["first", "epoch 49", "last"]


def test_what_is_never_taken_is_counted_and_does_not_wait() -> None:
    server = Server()
    server.is_away = True
    sender = LogSender(server.unsent.append)
    for _ in range(3):
        sender.put(lambda: server.take("line"))
    begin = time.monotonic()
    sender.end()
    assert time.monotonic() - begin < 5
    assert server.unsent == ["3 lines or pictures of the log"]


def test_what_the_server_refuses_is_left_out_and_said() -> None:
    server = Server()

    def refused() -> None:
        raise RunError("too long")

    sender = LogSender(server.unsent.append)
    sender.put(refused)
    sender.put(lambda: server.take("next"))
    sender.end()
    assert (server.lines, server.unsent) == (["next"], ["too long"])
