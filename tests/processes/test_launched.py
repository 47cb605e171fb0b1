"""What the variables of a launcher say, and what holds without one."""

import pytest

from gem_plugin.processes.launched import (
    is_main_process,
    local_rank,
    n_local_processes,
    n_processes,
    rank,
)


def test_without_a_launcher_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert (rank(), n_processes(), local_rank(), n_local_processes()) == (0, 1, 0, 1)
    assert is_main_process()


def test_the_second_process_of_the_second_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (rank(), n_processes(), local_rank(), n_local_processes()) == (3, 4, 1, 2)
    assert not is_main_process()
