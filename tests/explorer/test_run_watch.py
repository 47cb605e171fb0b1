"""A run that is trained again, gets another landscape, or is deleted while its page is open."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from served_explorer import Explorer, serve
from small_star_run import write_run

from gem_plugin.explorer import current_work
from gem_plugin.explorer.run_watch import news_of, stamp_of
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    files, _ = write_run(tmp_path, 20)
    write_array(files.latents, np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32))
    write_array(files.landscape.particle_states, np.repeat([1, 2], 10))
    return files


def test_each_change_has_its_sentence(run: RunFiles) -> None:
    stamp = stamp_of(run)
    assert news_of(run, stamp).words == ""
    write_array(run.landscape.particle_states, np.ones(20, np.int64))
    assert news_of(run, stamp).words.startswith("Its landscape was made again since this page was opened")
    run.landscape.particle_states.unlink()
    assert "Its landscape is gone" in news_of(run, stamp).words
    write_array(run.latents, np.ones((20, 2), np.float32))
    assert "The run was trained again" in news_of(run, stamp).words
    shutil.rmtree(run.root)
    news = news_of(run, stamp)
    assert news.is_gone
    assert "is no longer there. Put it back, or stop the explorer" in news.words


def test_the_server_says_it_and_opens_the_new_results(run: RunFiles) -> None:
    for served in serve(run):
        first = served.ask_json("/api/run")
        assert served.ask_json("/api/news") == {
            "stamp": first["stamp"],
            "isGone": False,
            "words": "",
            "jobs": [],
        }
        write_array(run.landscape.particle_states, np.repeat([1, 2, 3, 4], 5))
        assert "Its landscape was made again" in served.ask_json("/api/news")["words"]
        states = np.frombuffer(served.ask("/api/column/state")[1], "<f4")
        assert set(states) == {1.0, 2.0}, "the page still shows the earlier ones"
        again = served.ask_json("/api/reopen", {})
        assert again["words"] == ""
        assert again["stamp"] != first["stamp"], "so that other open pages know"
        states = np.frombuffer(served.ask("/api/column/state")[1], "<f4")
        assert set(states) == {1.0, 2.0, 3.0, 4.0}


def test_results_that_cannot_be_opened_leave_the_earlier_ones(run: RunFiles) -> None:
    for served in serve(run):
        run.prepared_table.unlink()
        run.latents.unlink()
        run.landscape.particle_states.unlink()
        status, content = served.ask("/api/reopen", {})
        assert (status, b"nothing to look at yet" in content) == (400, True)
        assert served.ask("/api/column/state")[0] == 200


def test_work_that_cannot_be_written_is_not_given_up_for_new_results(
    run: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    for served in serve(run):
        with monkeypatch.context() as patch:
            patch.setattr(current_work, "write_text_whole", on_a_full_disk)
            served.ask_json("/api/work", {"seen": 0, "parts": {"filters": [1]}})
            write_array(run.landscape.particle_states, np.repeat([1, 2, 3, 4], 5))
            status, content = served.ask("/api/reopen", {})
            assert (status, b"No space left on device. Free space" in content) == (400, True)
            assert served.ask_json("/api/work")["parts"] == {"filters": [1]}
            assert "Its landscape was made again" in served.ask_json("/api/news")["words"]
        assert served.ask_json("/api/reopen", {})["words"] == ""
        assert served.ask_json("/api/work")["parts"] == {"filters": [1]}


def on_a_full_disk(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_nothing_is_written_into_a_run_that_is_gone(run: RunFiles) -> None:
    rows = np.array([1, 2], "<u4").tobytes()
    for served in serve(run):
        served.ask_json("/api/work")
        shutil.rmtree(run.root)
        for address, body in writing_requests(rows):
            status, content = served.ask(address, body)
            assert (status, b"is no longer there" in content) == (410, True), address
        assert not run.root.exists()
        assert served.ask("/api/column/state")[0] == 200, "what was read before can still be looked at"


def writing_requests(rows: bytes) -> list[tuple[str, object]]:
    return [
        ("/api/save/selection/particles/gone", rows),
        ("/api/save/selection/relion-job/gone", rows),
        ("/api/save/maps/gone", {"latents": [[0, 0]]}),
        ("/api/session/gone", {"axes": 1}),
        ("/api/mask/gone", b"x"),
        ("/api/reconstruction/start/gone", rows),
        ("/api/jobs/start/select?name=gone", {"values": {"states": "1"}}),
    ]


def test_new_requests_keep_strangers_out(run: RunFiles) -> None:
    for served in serve(run):
        assert_guarded(served)


def assert_guarded(served: Explorer) -> None:
    for address, body in [
        ("/api/news", None), ("/api/jobs", None), ("/api/steps", None), ("/api/reopen", {}),
        ("/api/jobs/start/select?name=open", {}), ("/api/jobs/stop", {"job": 1}), ("/api/jobs/remove", {"job": 1}),
        ("/api/atoms/model.pdb", b"x"),
    ]:  # fmt: skip
        assert served.ask(address, body, with_token=False)[0] == 401, address
        assert served.ask(address, body, {"Host": "evil.example"})[0] == 403, address
        assert served.ask(address, body, {"Origin": "http://evil.example"})[0] == 403, address
    for address, wrong, reason in [
        ("/api/jobs/stop", {"job": "1"}, b"Expected a whole number for job"),
        ("/api/jobs/stop", {"job": 3}, b"There is no job 3"),
        ("/api/jobs/start/select?name=open", {"values": []}, b"settings of the step as a JSON object"),
        ("/api/jobs/start/select?name=open", {"rows": ["a"]}, b"list of whole numbers"),
        ("/api/jobs/start/select?name=../up", {"values": {"states": "1"}}, b"cannot be used"),
        (
            "/api/jobs/start/select?name=open",
            {"values": {"states": 1, "rows": "/etc/passwd"}},
            b"cannot be set here",
        ),
        ("/api/jobs/start/%2e%2e", {}, b"There is no step"),
        ("/api/jobs/start/flex", {"atoms": "../../etc"}, b"no longer kept"),
        ("/api/atoms/..%2Fup.txt", b"x", b"expected an atomic model that ends in"),
        ("/api/news", b"", b"nothing at"),
    ]:
        status, content = served.ask(address, wrong)
        assert status in (400, 405), (address, status, content)
        assert reason in content, content
