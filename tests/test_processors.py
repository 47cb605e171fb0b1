"""The number of processors, where the system tells and where it does not."""

import os

import pytest

from gem_plugin.processors import n_processors


def test_processors_that_a_queue_gave_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 7}, raising=False)
    assert n_processors() == 3


def test_all_of_the_machine_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert n_processors() == 10
