"""The machine is named by its class, never by its own name."""

import fcntl
import platform
from pathlib import Path

from truth.machine import locked, machine_class


def test_processors_and_no_host_name() -> None:
    said = machine_class()
    assert said.split()[0].isdigit()
    assert "processors, " in said
    assert platform.node() not in said.split()


def test_the_lock_is_held_and_let_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    def is_free() -> bool:
        with open(path, "a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    with locked(path):
        assert not is_free()
    assert is_free()
    with locked(None):
        assert is_free()
