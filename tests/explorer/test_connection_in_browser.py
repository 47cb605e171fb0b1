"""An explorer that goes away and comes back, at the same address, with another token, or elsewhere; two browsers at once."""

import shutil
from collections.abc import Iterator

import pytest
from explorer_run import N_PARTICLES, explorer_source
from page_actions import Page, choose, open_page, press, settle, text_of, wait_until
from served_explorer import TOKEN, Explorer, serve

from gem_plugin.explorer.work_parts import rows_of_basket
from gem_plugin.io.run.files import RunFiles
from gem_plugin.results.run import Run

OTHER_TOKEN = "another-token-of-a-later-start"
AGAIN = "The explorer answers again"


@pytest.fixture(scope="module")
def run(explorer: Explorer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunFiles]:
    files = RunFiles(tmp_path_factory.mktemp("connection") / "run")
    shutil.copytree(explorer.run.root, files.root, ignore=shutil.ignore_patterns("explore"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "decoder", lambda *_: explorer_source())
        yield files


def banner(page: Page) -> str:
    return page.execute_script(
        "const one = document.getElementById('connection'); return one.hidden ? '' : one.textContent"
    )


def test_an_explorer_that_went_away_comes_back_with_all_that_was_done(run: RunFiles, browser: Page) -> None:
    """At the same address; then with another token; then at another port."""
    serving = serve(run)
    served = next(serving)
    try:
        page = open_page(browser, served)
        settle(page)
        next(serving, None)  # stops it
        wait_until(lambda: "does not answer" in banner(page))
        assert f"gem-em explore {run.root} --port {served.port}" in banner(page)
        assert "nothing that you did is lost" in banner(page)
        page.execute_script("gem.selection.select([4, 5, 6], 'new', 'while it was away')")
        press(page, "#save-particles")
        beside = "return document.querySelector('.error-beside')?.textContent ?? ''"
        wait_until(lambda: "does not answer" in page.execute_script(beside))
        serving = serve(run, port=served.port)
        next(serving)
        wait_until(lambda: not banner(page))
        wait_until(lambda: basket_on_server(served) == 3)
        press(page, "#save-particles")
        wait_until(lambda: "3 particles saved" in text_of(page, "message"))
        assert page.execute_script(beside) == "", "the button was used again"
        page.execute_script("return gem.molecule.showParticle(11)")
        wait_until(lambda: text_of(page, "molecule-title") == "particle row 11")
        check_another_token(page, run, served, serving)
    finally:
        next(serving, None)


def check_another_token(page: Page, run: RunFiles, served: Explorer, serving: Iterator[Explorer]) -> None:
    next(serving, None)
    serving = serve(run, port=served.port, token=OTHER_TOKEN)
    again = next(serving)
    try:
        wait_until(lambda: "has the token of before" in banner(page))
        page.execute_script("gem.selection.select([4, 5, 6, 7], 'new', 'with the old token')")
        page.execute_script(
            "document.getElementById('connection-address').value = 'http://evil.example/?token=x'"
        )
        press(page, "#connection button")
        wait_until(lambda: "Expected the address that `gem-em explore` printed" in text_of(page, "message"))
        line = f"300 particles. Open {again.address}"
        page.execute_script("document.getElementById('connection-address').value = arguments[0]", line)
        press(page, "#connection button")
        wait_until(lambda: not banner(page))
        wait_until(lambda: basket_on_server(again) == 4)
        assert page.execute_script("return location.search") == f"?token={OTHER_TOKEN}"
    finally:
        next(serving, None)
    elsewhere = serve(run, token=TOKEN)
    other = next(elsewhere)
    try:
        wait_until(lambda: "does not answer" in banner(page))
        page.execute_script("gem.selection.select([1, 2, 3, 4, 5], 'new', 'before it moved')")
        page.execute_script("gem.connection.goOn(arguments[0])", other.address)
        wait_until(lambda: page.execute_script("return location.port") == str(other.port))
        wait_until(lambda: page.execute_script("return window.gemIsReady === true"))
        wait_until(lambda: basket_on_server(other) == 5)
        assert page.execute_script("return location.hash") == ""
        check_a_deleted_run(page, run)
    finally:
        next(elsewhere, None)


def test_a_request_without_an_answer_goes_along_to_another_address(run: RunFiles, browser: Page) -> None:
    for served in serve(run):
        page = open_page(browser, served)
        settle(page)
        page.execute_script("window.fetch = () => new Promise(() => {})")  # neither answers nor breaks
        page.execute_script("gem.selection.select([8, 9], 'new', 'nobody answers')")
        for other in serve(run):
            page.execute_script("gem.connection.goOn(arguments[0])", other.address)
            wait_until(lambda other=other: basket_on_server(other) == 2)


def check_a_deleted_run(page: Page, run: RunFiles) -> None:
    settle(page)
    run.root.rename(run.root.with_name("elsewhere"))
    try:
        wait_until(lambda: "is no longer there. Put it back, or stop the explorer" in banner(page))
        press(page, "#save-particles")
        wait_until(lambda: "is no longer there" in text_of(page, "message"))
        page.execute_script("return gem.molecule.showParticle(21)")
        wait_until(lambda: text_of(page, "molecule-title") == "particle row 21")
    finally:
        run.root.with_name("elsewhere").rename(run.root)
    wait_until(lambda: not banner(page))


def basket_on_server(served: Explorer) -> int:
    """Particles in the fullest basket, as the server has it."""
    parts = served.ask_json("/api/work")["parts"]
    baskets = [one for name, one in parts.items() if name.startswith("basket.") and one]
    return max((len(rows_of_basket(one["members"], N_PARTICLES)) for one in baskets), default=0)


def test_thirty_one_baskets_and_odd_names_work_with_jobs(run: RunFiles, browser: Page) -> None:
    for served in serve(run):
        check_many_baskets(open_page(browser, served))


def check_many_baskets(page: Page) -> None:
    settle(page)
    page.execute_script(
        """for (let number = 0; number < 30; number++) gem.baskets.add();
        gem.basketPanel.rename(gem.baskets.activeId, "ζ <b>open</b> / '\\"");
        gem.selection.select([1, 2], 'new');"""
    )
    assert page.execute_script("return document.querySelectorAll('#baskets .basket').length") == 31
    choose(page, "job-step", "select")
    page.execute_script("document.getElementById('job-name').value = \"ζ <b>/'\"")
    press(page, "#job-start")
    wait_until(lambda: text_of(page, "job-error"))
    assert "letters, digits, - and _" in text_of(page, "job-error")
    assert page.execute_script("return document.querySelectorAll('#job-error b').length") == 0
