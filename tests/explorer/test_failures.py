"""Every failure of the explorer's server is a sentence in JSON."""

import json

import pytest
from served_explorer import Explorer

from gem_plugin.explorer.guard import SAFE_HEADERS
from gem_plugin.explorer.molecules import Molecules
from gem_plugin.explorer.opened_run import OpenedRun

NAMES = ("a%2Fb", "..%2Fout", "..", ".", "", "a%00b", "state.2", "%C3%A9tat", "x" * 5000, "a%20b")


def failure(explorer: Explorer, path: str, body: object = None) -> tuple[int, str]:
    status, content = explorer.ask(path, body)
    return status, json.loads(content)["error"]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_cannot_be_used_are_explained(explorer: Explorer, name: str) -> None:
    rows = b"\0\0\0\0"
    for path, body in (
        (f"/api/save/selection/particles/{name}", rows),
        (f"/api/save/selection/relion-job/{name}", rows),
        (f"/api/session/{name}", {"axes": 1}),
        (f"/api/session/{name}", None),
        (f"/api/save/maps/{name}", {"latents": [[1.0, 0.0]]}),
        (f"/api/save/mask/{name}", {"kind": "landscape"}),
    ):
        status, error = failure(explorer, path, body)
        assert status == 400, path
        assert "cannot be used; expected letters, digits, - and _ (at most 60)" in error
    status, error = failure(explorer, f"/api/save/movie/{name}", {"frames": []})
    assert (status, "cannot be used" in error) == (400, True)


def test_addresses_that_do_not_exist_are_explained(explorer: Explorer) -> None:
    for path, body, expected in (
        ("/api/absent", None, 404),
        ("/api/run", {"a": 1}, 405),
        ("/x/y", None, 404),
    ):
        status, error = failure(explorer, path, body)
        assert status == expected
        assert "The explorer has nothing at" in error
        assert "Load the page again" in error


def test_an_unexpected_error_is_a_sentence_too(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("nobody thought of that")

    monkeypatch.setattr(Molecules, "decode_particle", fail)
    monkeypatch.setattr(OpenedRun, "description", fail)
    for path, body in (("/api/molecule", {"row": 3}), ("/api/run", None)):
        status, error = failure(explorer, path, body)
        assert status == 500
        assert "An unexpected error in the explorer (ZeroDivisionError: nobody thought of that)" in error
        assert "the terminal in which `gem-em explore` runs shows where" in error


def test_the_answer_to_an_unexpected_error_is_as_guarded_as_others(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import http.client

    monkeypatch.setattr(OpenedRun, "description", lambda *_: 1 / 0)
    connection = http.client.HTTPConnection("127.0.0.1", explorer.port, timeout=20)
    connection.request("GET", "/api/run", headers={"X-Gem-Token": "a-token-for-the-tests"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 500
    assert {name: answer.headers[name] for name in SAFE_HEADERS} == SAFE_HEADERS


def test_a_full_disk_and_a_folder_that_cannot_be_written_are_explained(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (
        OSError(28, "No space left on device", "/run/explore/a"),
        PermissionError(13, "Permission denied"),
    ):

        def fail(*_: object, error: OSError = error) -> None:
            raise error

        monkeypatch.setattr("gem_plugin.explorer.saving.write_text_whole", fail)
        status, reason = failure(explorer, "/api/session/disk", {"axes": 1})
        assert status == 500
        assert f"could not read or write a file: {error.strerror}" in reason
        assert "then try again" in reason


def test_refusals_of_the_guard_are_json_for_the_page_and_text_for_the_reader(explorer: Explorer) -> None:
    _, content = explorer.ask("/api/run", with_token=False)
    assert "Open the address that `gem-em explore` printed" in json.loads(content)["error"]
    _, content = explorer.ask("/", with_token=False)
    assert content.startswith(b"Refused: no token")
