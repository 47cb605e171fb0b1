"""An explorer that is started again answers its open pages: port and token of before, readable by nobody else."""

import os
import time
from pathlib import Path

import pytest

from gem_plugin.explorer.command import listen, listen_as_before
from gem_plugin.explorer.kept_address import Address, keep_address, kept_address

TOKEN = "a-token-that-is-long-enough"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def the_file(state: Path) -> Path:
    (found,) = state.rglob("*.json")
    return found


def test_only_the_same_user_finds_it_and_only_for_some_days(state: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert kept_address(run) is None
    keep_address(run, Address(4000, TOKEN))
    assert kept_address(run) == Address(4000, TOKEN)
    assert kept_address(tmp_path / "other") is None
    assert the_file(state).stat().st_mode & 0o777 == 0o600
    the_file(state).chmod(0o640)
    assert kept_address(run) is None, "others could have read it"
    keep_address(run, Address(4000, TOKEN))
    old = time.time() - 8 * 86_400
    os.utime(the_file(state), (old, old))
    assert kept_address(run) is None
    for text in (
        "{",
        '{"port": 1}',
        f'{{"port": 70000, "token": "{TOKEN}"}}',
        '{"port": 4000, "token": "short"}',
    ):
        the_file(state).write_text(text)
        assert kept_address(run) is None


def test_port_and_token_of_before_are_taken_where_they_are_free(state: Path, tmp_path: Path) -> None:
    first, token = listen_as_before(tmp_path, 0)
    port = first.getsockname()[1]
    keep_address(tmp_path, Address(port, token))
    other, other_token = listen_as_before(tmp_path, 0)  # a second explorer beside the first
    assert (other.getsockname()[1] != port, other_token != token) == (True, True)
    other.close()
    first.close()
    again, again_token = listen_as_before(tmp_path, 0)
    assert (again.getsockname()[1], again_token) == (port, token)
    again.close()
    free = listen(0)
    elsewhere = free.getsockname()[1]
    free.close()
    chosen, chosen_token = listen_as_before(tmp_path, elsewhere)
    assert (chosen.getsockname()[1], chosen_token != token) == (elsewhere, True)
    chosen.close()


def test_a_home_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    keep_address(tmp_path, Address(4000, TOKEN))
    assert kept_address(tmp_path) is None
