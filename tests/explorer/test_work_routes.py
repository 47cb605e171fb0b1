"""The routes of the current work: behind the guard, wrong requests explained, written soon and when the explorer stops."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from explorer_run import explorer_source
from page_actions import wait_until
from served_explorer import Explorer, serve
from small_star_run import write_run

from gem_plugin.io.array_files import write_array


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Explorer]:
    run, _ = write_run(tmp_path, 12)
    write_array(run.latents, explorer_source().latents[:12])
    yield from serve(run)


def test_a_change_is_answered_at_once_and_written_a_moment_later(served: Explorer) -> None:
    answer = served.ask_json("/api/work", {"page": "one", "seen": 0, "parts": {"axes": {"x": "latent_1"}}})
    assert answer == {"version": 1, "replaced": [], "failure": ""}
    assert served.ask_json("/api/work?after=0&page=two")["parts"] == {"axes": {"x": "latent_1"}}
    assert served.ask_json("/api/work?after=0&page=one")["parts"] == {}
    assert served.ask_json("/api/work?after=1")["parts"] == {}
    wait_until(lambda: served.run.explore.work.is_file())
    assert json.loads(served.run.explore.work.read_text())["parts"] == {"axes": {"x": "latent_1"}}


def test_what_was_not_written_yet_is_written_when_the_explorer_stops(tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 12)
    for served in serve(run):
        served.ask_json("/api/work", {"seen": 0, "parts": {"filters": [1]}})
    assert json.loads(run.explore.work.read_text())["parts"] == {"filters": [1]}
    for served in serve(run):
        assert served.ask_json("/api/work")["parts"] == {"filters": [1]}


def test_a_run_that_is_gone_is_said_with_the_next_answer(served: Explorer) -> None:
    served.run.root.rename(served.run.root.with_name("elsewhere"))
    served.ask_json("/api/work", {"seen": 0, "parts": {"axes": 1}})
    failure = wait_until(lambda: served.ask_json("/api/work")["failure"])
    assert "is no longer there, so the baskets cannot be kept" in failure
    served.run.root.with_name("elsewhere").rename(served.run.root)
    served.ask_json("/api/work", {"seen": 1, "parts": {"axes": 2}})
    wait_until(lambda: not served.ask_json("/api/work")["failure"])


def test_wrong_requests_are_refused_with_a_reason(served: Explorer) -> None:
    for body, reason in (
        ({"seen": 0}, b"changed parts"),
        ({"seen": "0", "parts": {}}, b"whole number for seen"),
        ({"seen": 0, "parts": {"../x": 1}}, b"cannot be used"),
        ({"seen": 0, "parts": {"a": float("nan")}}, b"not a number"),
    ):
        status, content = served.ask("/api/work", body)
        assert status == 400, body
        assert reason in content, (body, content)
    assert served.ask("/api/work?after=x")[0] == 400
    for path, sent in (("/api/work", None), ("/api/work", {"seen": 0, "parts": {}})):
        assert served.ask(path, sent, with_token=False)[0] == 401
