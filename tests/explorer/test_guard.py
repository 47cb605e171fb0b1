"""Bad input and strangers, in a real browser: tokens, other names and pages, names that lead out, unfinished runs, ports."""

import functools
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from explorer_run import explorer_source, make_explorer_run
from page_actions import Page, choose, open_page, press, settle, text_of, wait_until
from served_explorer import TOKEN, Explorer, files_below, open_browser, serve
from small_star_run import write_run

from gem_plugin.explorer.command import listen
from gem_plugin.results.run import Run

FOREIGN_NAME = "molecules.example"


@pytest.fixture(scope="module")
def foreign_browser() -> Iterator[Page]:
    """Chromium for which a foreign name leads to this machine, as after DNS rebinding."""
    yield from open_browser(f"--host-resolver-rules=MAP {FOREIGN_NAME} 127.0.0.1")


@pytest.mark.parametrize("token", ["", "?token=", "?token=wrong", f"?token={TOKEN}x"])
def test_without_the_right_token_the_page_says_what_to_open(
    explorer: Explorer, browser: Page, token: str
) -> None:
    browser.get(f"http://127.0.0.1:{explorer.port}/{token}")
    assert "Open the address that `gem-em explore` printed" in browser.page_source
    assert "particles" not in browser.page_source


def test_another_host_name_is_refused_even_with_the_token(explorer: Explorer, foreign_browser: Page) -> None:
    foreign_browser.get(f"http://{FOREIGN_NAME}:{explorer.port}/?token={TOKEN}")
    assert "this page answers at 127.0.0.1 only" in foreign_browser.page_source
    foreign_browser.get(f"http://localhost:{explorer.port}/?token={TOKEN}")
    wait_until(lambda: foreign_browser.execute_script("return window.gemIsReady === true"))


def test_another_page_can_neither_read_nor_write(explorer: Explorer, browser: Page, tmp_path: Path) -> None:
    """Worst case: the other page is on this machine and even knows the token."""
    (tmp_path / "index.html").write_text("<title>another page</title>")
    handler = functools.partial(SilentFiles, directory=str(tmp_path))
    before = files_below(explorer.run.root)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        browser.get(f"http://127.0.0.1:{other.server_port}/index.html")
        outcome = browser.execute_async_script(
            """const [address, token, done] = arguments, rows = new Uint8Array([1, 0, 0, 0]);
            const attempts = [
              () => fetch(`${address}/api/run`, { headers: { "X-Gem-Token": token } }),
              () => fetch(`${address}/api/save/selection/particles/stolen`, { method: "POST", body: rows, headers: { "X-Gem-Token": token } }),
              () => fetch(`${address}/api/save/selection/particles/stolen`, { method: "POST", body: rows, mode: "no-cors" }),
              () => fetch(`${address}/?token=${token}`),
            ];
            Promise.all(attempts.map((attempt) => attempt().then((answer) => answer.text()).catch((error) => `refused: ${error}`))).then(done);""",
            f"http://127.0.0.1:{explorer.port}",
            TOKEN,
        )
        framed = browser.execute_async_script(
            """const [address, done] = arguments, frame = document.createElement("iframe");
            frame.src = address; frame.onload = () => { try { done(frame.contentDocument?.title ?? "closed"); } catch (error) { done("closed"); } };
            document.body.append(frame);""",
            explorer.address,
        )
        other.shutdown()
    assert all(answer.startswith("refused") or answer == "" for answer in outcome), outcome
    assert framed in ("closed", "")
    assert files_below(explorer.run.root) == before


class SilentFiles(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "", ".hidden", "a\\b"])
def test_names_that_lead_out_of_the_run_are_refused(explorer: Explorer, page: Page, name: str) -> None:
    settle(page)
    page.execute_script("gem.selection.select([1, 2, 3], 'new'); gem.trajectory.waypoints = [1, 2]")
    page.execute_script(
        "for (const id of ['selection-name', 'session-name', 'trajectory-name', 'mask-name']) document.getElementById(id).value = arguments[0]",
        name,
    )
    press(page, "#trajectory-create")
    wait_until(lambda: page.execute_script("return Boolean(gem.trajectory.path)"))
    settle(page)
    before = files_below(explorer.run.root.parent)
    for button in (
        "save-particles",
        "save-relion",
        "session-save",
        "session-open",
        "save-maps",
        "save-movie",
        "mask-save",
    ):
        page.execute_script("gem.say('')")
        press(page, f"#{button}")
        wait_until(
            lambda: page.execute_script(
                "return document.getElementById('message').classList.contains('error')"
            )
        )
    assert files_below(explorer.run.root.parent) == before


def test_wrong_numbers_are_answered_with_what_is_expected(explorer: Explorer, page: Page) -> None:
    settle(page)
    before = files_below(explorer.run.root.parent)
    for field, value, expected in (
        ("n-states", "0", "number of sketch maps"),
        ("n-states", "999", "number of sketch maps"),
        ("n-states", "", "number of sketch maps"),
    ):
        page.execute_script("gem.say('')")
        choose(page, field, value)
        wait_until(
            lambda: page.execute_script(
                "return document.getElementById('message').classList.contains('error')"
            )
        )
        assert expected in text_of(page, "message")
    page.execute_script(
        "document.getElementById('trajectory-points').value = '1'; gem.trajectory.waypoints = [1, 2]; gem.say('')"
    )
    press(page, "#trajectory-create")
    wait_until(lambda: "points" in text_of(page, "message"))
    page.execute_script(
        "document.getElementById('trajectory-points').value = '20'; gem.trajectory.waypoints = []; gem.say('')"
    )
    press(page, "#trajectory-create")
    wait_until(lambda: "waypoints" in text_of(page, "message"))
    assert files_below(explorer.run.root.parent) == before


def test_a_run_without_a_landscape_offers_what_it_has(
    browser: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_explorer_run(tmp_path)
    for path in sorted(run.landscape.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    monkeypatch.setattr(Run, "decoder", lambda *_: explorer_source())
    for served in serve(run):
        open_page(browser, served)
        assert "There is no landscape yet" in text_of(browser, "states-missing")
        assert "gem-em landscape" in text_of(browser, "states-missing")
        assert not browser.find_element("id", "states-controls").is_displayed()
        settle(browser)
        browser.execute_script("return gem.click(...gem.plot.scatter.pixelOf(5))")
        wait_until(lambda: text_of(browser, "molecule-title").startswith("particle row"))
        browser.execute_script("gem.selection.select([1, 2], 'new')")
        press(browser, "#save-particles")
        wait_until(lambda: "2 particles saved" in text_of(browser, "message"))


def test_a_run_that_goes_on_training_says_how_far_it_is_at_each_load(browser: Page, tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 20)
    run.history.parent.mkdir(parents=True)
    run.settings.write_text("[train]\nepochs = 30\n")
    for served in serve(run):
        for epochs in (0, 1, 2):
            run.history.write_text("epoch,loss\n" + "".join(f"{epoch + 1},3.0\n" for epoch in range(epochs)))
            open_page(browser, served)
            assert text_of(browser, "training") == f"still training: {epochs} of 30 epochs"


def test_a_port_in_use_is_said_and_the_first_page_goes_on(explorer: Explorer, page: Page) -> None:
    command = [sys.executable, "-m", "gem_plugin", "explore", str(explorer.run.root), "--no-browser"]
    ended = subprocess.run(
        [*command, "--port", str(explorer.port)], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode != 0
    assert f"--port {explorer.port} cannot be used" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    open_page(page, explorer)


def test_no_other_machine_can_reach_it() -> None:
    with listen(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
