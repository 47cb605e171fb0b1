"""The explorer sends a selection back into a workspace: by its own page, in a real browser, to the loopback server."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from served_explorer import Explorer, open_browser, serve

from cryosparc_server.commands import INPUTS, N_PARTICLES, assert_has_all_fields_of, load, newest, run
from cryosparc_server.faults import IGNORED_WARNINGS
from cryosparc_server.instance import PASSWORD, Instance
from gem_plugin.errors import GemError
from gem_plugin.explorer import cryosparc_sending
from gem_plugin.explorer.cryosparc_sending import run_command
from gem_plugin.io.run.files import RunFiles

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

pytestmark = IGNORED_WARNINGS
CHOSEN = [31, 4, 17, 5]


@pytest.fixture
def explorer(rows, instance: Instance) -> Iterator[Explorer]:
    """The run folder of a train job of the workspace, served."""
    assert run("train", *INPUTS) == 0
    yield from serve(RunFiles(instance.folder / "J43" / "gem"))


@pytest.fixture
def browser() -> Iterator[Any]:
    yield from open_browser()


def rows_as_bytes(rows: list[int]) -> bytes:
    return np.array(rows, "<u4").tobytes()


def test_the_page_fills_the_fields_and_its_button_makes_the_job(
    rows, explorer: Explorer, instance: Instance, browser: Any
) -> None:
    browser.get(explorer.address)
    wait_for(browser, "return window.gemIsReady === true")
    shown = browser.execute_script(
        "return ['project', 'workspace', 'particles'].map((f) => document.getElementById(`cryosparc-${f}`).value)"
    )
    assert shown[:2] == ["P3", "W1"]
    assert shown[2].startswith("J43")
    browser.execute_script("gem.selection.select(arguments[0], 'new')", CHOSEN)
    browser.execute_script("document.getElementById('selection-name').value = 'my_lasso'")
    browser.find_element("id", "tab-select").click()
    browser.find_element("id", "cryosparc-send").click()
    wait_for(browser, "return document.getElementById('message').textContent.includes('output of J44')")
    job = newest(instance)
    assert (job.uid, job.status) == ("J44", "completed")
    assert_has_all_fields_of(load("J44", "particles"), rows[sorted(CHOSEN)])
    described = np.loadtxt(explorer.run.explore.root / "my_lasso_rows.txt", dtype=int)
    assert described.tolist() == sorted(CHOSEN)
    assert PASSWORD not in browser.page_source


def test_failures_are_said_in_the_words_of_the_command(explorer: Explorer, instance: Instance) -> None:
    before = set(instance.jobs)
    good = "project=P3&workspace=W1&particles="
    for query, rows, reason in (
        ("project=P3&workspace=W9&particles=", CHOSEN, b"W9"),
        ("project=P3;rm&workspace=W1&particles=", CHOSEN, b"expected for instance P3"),
        ("project=P3&workspace=--help&particles=", CHOSEN, b"expected for instance W1"),
        ("project=P3&workspace=W1&particles=J42%20--url", CHOSEN, b"expected for instance J42"),
        ("", CHOSEN, b"expected for instance P3"),
        (good, [], b"selection is empty"),
        (good, [N_PARTICLES], str(N_PARTICLES).encode()),
    ):
        status, content = explorer.ask(f"/api/save/cryosparc/mine?{query}", rows_as_bytes(rows))
        assert status == 400, query
        assert reason in content, content
        assert PASSWORD.encode() not in content
    assert set(instance.jobs) == before


def test_without_a_login_the_page_says_so(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRYOSPARC_PASSWORD")
    monkeypatch.delenv("CRYOSPARC_EMAIL")
    query = "project=P3&workspace=W1&particles="
    status, content = explorer.ask(f"/api/save/cryosparc/mine?{query}", rows_as_bytes(CHOSEN))
    assert status == 400
    assert b"Not sent to CryoSPARC." in content
    assert b"login" in content.lower()


def test_a_silent_server_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cryosparc_sending, "SECONDS_FOR_THE_SERVER", 0.2)
    with pytest.raises(GemError, match=r"did not answer within 0\.2 seconds"):
        run_command(["sleep", "5"])
    with pytest.raises(GemError, match="it gave no reason"):
        run_command(["false"])


def wait_for(browser: Any, script: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not browser.execute_script(script):
        if time.monotonic() > end:
            message = browser.execute_script("return document.getElementById('message').textContent")
            raise AssertionError(f"the page never came to {script}; it says: {message}")
        time.sleep(0.05)
