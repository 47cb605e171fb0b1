"""Threads soon sleep while they wait, and the user's own choice stays."""

import os

import pytest

from gem_plugin.cli.waiting_threads import BRIEFLY_AWAKE_THREADS, let_waiting_threads_sleep

NAMES = ("OMP_WAIT_POLICY", *BRIEFLY_AWAKE_THREADS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, BRIEFLY_AWAKE_THREADS),
        ({"GOMP_SPINCOUNT": "7"}, {**BRIEFLY_AWAKE_THREADS, "GOMP_SPINCOUNT": "7"}),
        ({"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
    ],
)
def test_the_choice_is_made_only_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, before: dict[str, str], after: dict[str, str]
) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")  # restored after the test, as the function sets it itself
        monkeypatch.delenv(name)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    let_waiting_threads_sleep()
    assert {name: os.environ[name] for name in NAMES if name in os.environ} == after
