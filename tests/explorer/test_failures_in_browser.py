"""What the page says when the server fails, or is no longer there."""

from collections.abc import Iterator

import pytest
from explorer_run import explorer_source
from page_actions import Page, choose, open_page, pixel_of, press, settle, text_of, wait_until
from served_explorer import Explorer, serve

from gem_plugin.explorer.molecules import Molecules
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.results.run import Run

BROWSERS_OWN_WORDS = (
    "Failed to fetch",
    "NetworkError",
    "Not Found",
    "Internal Server Error",
    "JSON",
    "network error",
)
BUTTONS = (  # everything that asks the server
    "#save-particles",
    "#save-relion",
    "#session-save",
    "#session-open",
    "#trajectory-create",
    "#save-maps",
    "#mask-save",
    "#mask-show",
    "[data-state='1'][data-kind=mean]",
    "[data-state='2'][data-kind=difference]",
)


@pytest.fixture
def stopping(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Explorer, Iterator[Explorer]]]:
    """The run served by a server of its own, and the iterator whose end stops it."""
    monkeypatch.setattr(Run, "decoder", lambda *_: explorer_source())
    serving = serve(explorer.run)
    yield next(serving), serving
    next(serving, None)


def test_when_the_server_is_stopped_every_button_says_so(
    stopping: tuple[Explorer, Iterator[Explorer]], browser: Page
) -> None:
    served, serving = stopping
    page = open_page(browser, served)
    settle(page)
    page.execute_script("gem.selection.select([1, 2], 'new'); gem.trajectory.waypoints = [3, 30]")
    press(page, "#trajectory-create")
    wait_until(lambda: page.execute_script("return Boolean(gem.trajectory.path)"))
    settle(page)
    for field in ("session", "selection", "mask", "trajectory"):
        page.execute_script(f"document.getElementById('{field}-name').value = 'after_the_end'")
    next(serving, None)  # stops it
    for selector in BUTTONS:
        page.execute_script("gem.say('')")
        press(page, selector)
        said = wait_until(lambda: (found := text_of(page, "message")) and "..." not in found and found)
        assert said.startswith("The explorer does not answer: `gem-em explore` was stopped"), (selector, said)
        assert "Start it again and open the address that it prints" in said
    page.execute_script("gem.say('')")
    choose(page, "axis-x", "defocus")
    wait_until(lambda: "does not answer" in text_of(page, "message"))
    page.execute_script("gem.say('')")
    choose(page, "n-states", "3")
    wait_until(lambda: "does not answer" in text_of(page, "message"))


def test_a_click_after_the_end_leaves_molecule_title_and_mark_together(
    stopping: tuple[Explorer, Iterator[Explorer]], browser: Page
) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    served, serving = stopping
    page = open_page(browser, served)
    settle(page)
    page.execute_script("return gem.molecule.showParticle(7)")
    settle(page)
    next(serving, None)
    overlay = page.execute_script("return document.getElementById('overlay')")
    size = overlay.size
    x, y = pixel_of(page, 42)
    ActionChains(page).move_to_element_with_offset(
        overlay, round(x - size["width"] / 2), round(y - size["height"] / 2)
    ).click().perform()
    wait_until(lambda: "does not answer" in text_of(page, "message"))
    assert text_of(page, "molecule-title") == "particle row 7"
    assert page.execute_script("return [gem.plot.markedRow, gem.molecule.subject.row]") == [7, 7]


def test_an_unexpected_error_of_the_server_is_a_sentence_in_the_page(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("nobody thought of that")

    settle(page)
    monkeypatch.setattr(Molecules, "as_bytes", fail)
    press(page, "[data-state='1'][data-kind=mean]")
    wait_until(lambda: "An unexpected error in the explorer (ZeroDivisionError" in text_of(page, "message"))
    assert not any(words in text_of(page, "message") for words in BROWSERS_OWN_WORDS)


def test_an_answer_that_breaks_off_is_explained(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("nobody thought of that")

    settle(page)
    monkeypatch.setattr(Molecules, "images", fail)  # these follow when the molecule has been sent
    page.execute_script("document.getElementById('message').textContent = ''")
    page.execute_script(
        "gem.molecule.showParticle(9).catch((error) => gem.say(error.message, true))",
    )
    wait_until(lambda: "The explorer broke off its answer" in text_of(page, "message"))


def test_a_model_that_cannot_be_loaded_is_not_waited_for(
    explorer: Explorer, browser: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("nobody thought of that")

    monkeypatch.setattr(OpenedRun, "decoding", fail)
    page = open_page(browser, explorer)
    wait_until(lambda: text_of(page, "molecule-title") == "The model could not be loaded")
    assert "An unexpected error in the explorer" in text_of(page, "message")
