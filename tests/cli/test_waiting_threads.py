"""Threads sleep while they wait, and the user's own choice stays."""

import os

import pytest

from gem_plugin.cli.waiting_threads import let_waiting_threads_sleep


@pytest.mark.parametrize(("before", "after"), [(None, "passive"), ("active", "active")])
def test_the_choice_is_made_only_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, before: str | None, after: str
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if before is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", before)
    let_waiting_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == after
