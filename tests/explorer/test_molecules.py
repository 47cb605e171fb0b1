"""What the right side shows belongs together and is what was asked for last, in whatever order the answers arrive."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from explorer_run import explorer_source
from page_actions import Page, open_page, pixel_of, press, settle, text_of, wait_until
from served_explorer import Explorer, serve

from gem_plugin.explorer.molecules import Molecules
from gem_plugin.results.run import Run

FIRST, SECOND = 10, 42  # rows that are clicked one after the other
DELAY_IN_MILLISECONDS = 700
WATCH_ANSWERS = """
const [delays] = arguments, fetchNow = window.fetch.bind(window);
window.asked = [];
window.pending = 0;
window.fetch = async (path, options) => {
  window.asked.push(path);
  window.pending++;
  try {
    const rowAsked = JSON.parse(typeof options?.body === "string" ? options.body : "{}").row ?? String(path).split("/").pop();
    const answer = await fetchNow(path, options);
    await new Promise((resolve) => setTimeout(resolve, delays[rowAsked] ?? 0));
    return answer;
  } finally { window.pending--; }
};
"""
RIGHT_SIDE = """
const drawn = (selector) => Array.from(document.querySelectorAll(selector), (canvas) => canvas.toDataURL());
const particle = document.getElementById("particle"), isSeen = getComputedStyle(particle).visibility === "visible";
return {
  title: document.getElementById("molecule-title").textContent,
  facts: document.getElementById("particle-facts").textContent,
  captions: isSeen ? Array.from(particle.querySelectorAll("figcaption"), (caption) => caption.textContent) : [],
  images: isSeen ? drawn("#particle canvas") : [],
  slices: Array.from(document.querySelectorAll(".pictures")).slice(0, 1).flatMap((one) => Array.from(one.querySelectorAll("canvas"), (canvas) => canvas.toDataURL())),
  triangles: gem.molecule.view.countTriangles(),
};
"""

POLLED = ("/api/work", "/api/news", "/api/jobs")  # asked again and again, whatever is clicked


def watch(page: Page, delays: dict[int, int] | None = None) -> None:
    """Count what the page asks for, and hold back answers about some rows (milliseconds)."""
    page.execute_script(WATCH_ANSWERS, {str(row): delay for row, delay in (delays or {}).items()})


def click_row(page: Page, row: int) -> None:
    """A click on a particle; does not wait for anything."""
    page.execute_script("gem.click(arguments[0], arguments[1])", *pixel_of(page, row))


def right_side(page: Page) -> dict[str, Any]:
    """All that is shown of the molecule, when nothing is on its way any more."""
    wait_until(lambda: page.execute_script("return window.pending === 0"))
    settle(page)
    page.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    return page.execute_script(RIGHT_SIDE)


@pytest.fixture
def alone(page: Page) -> dict[str, Any]:
    """The right side after nothing but a click on the second row."""
    settle(page)
    watch(page)
    click_row(page, SECOND)
    shown = right_side(page)
    assert shown["title"] == f"particle row {SECOND}"
    assert all(str(SECOND) in caption for caption in shown["captions"][:1])
    assert len(shown["images"]) == 2
    return shown


@pytest.mark.parametrize(
    "delays",
    [
        {},
        {FIRST: DELAY_IN_MILLISECONDS},
        {SECOND: DELAY_IN_MILLISECONDS},
        {FIRST: DELAY_IN_MILLISECONDS, SECOND: DELAY_IN_MILLISECONDS // 2},
    ],
    ids=["none", "first", "second", "first more than second"],
)
def test_after_two_quick_clicks_everything_belongs_to_the_second_particle(
    explorer: Explorer, browser: Page, alone: dict[str, Any], delays: dict[int, int]
) -> None:
    page = open_page(browser, explorer)
    settle(page)
    watch(page, delays)
    click_row(page, FIRST)
    click_row(page, SECOND)
    assert right_side(page) == alone


def test_at_no_time_do_title_image_and_facts_belong_to_different_particles(page: Page) -> None:
    settle(page)
    watch(page, {FIRST: 200})
    page.execute_script(
        """window.seen = new Set();
        const text = (selector) => document.querySelector(selector)?.textContent ?? "";
        const look = () => {
          seen.add([text("#molecule-title"), text("#particle:not(.empty) figcaption"), text("#particle-facts")].join("|"));
          requestAnimationFrame(look);
        };
        look();"""
    )
    for row in (FIRST, SECOND, FIRST, 99, SECOND):
        click_row(page, row)
    right_side(page)
    seen = page.execute_script("return Array.from(seen)")
    assert len(seen) >= 2
    for title, caption, facts in (one.split("|") for one in seen):
        row = int(title.split()[2].rstrip("."))
        assert caption == "" or caption.startswith(f"image of row {row},")
        assert facts == page.execute_script("return gem.factsOf(arguments[0])", row)


def show_state(page: Page) -> None:
    press(page, "[data-state='1'][data-kind=mean]")
    wait_until(lambda: text_of(page, "molecule-title") == "mean of state 1")


def show_point_of_trajectory(page: Page) -> None:
    page.execute_script("gem.trajectory.waypoints = [3, 30]")
    press(page, "#trajectory-create")
    wait_until(lambda: text_of(page, "molecule-title") == "trajectory, 0 %")


@pytest.mark.parametrize(
    ("show", "title"), [(show_state, "mean of state 1"), (show_point_of_trajectory, "trajectory, 0 %")]
)
def test_an_older_click_does_not_come_over_a_state_or_a_trajectory(
    page: Page, show: Callable[[Page], None], title: str
) -> None:
    settle(page)
    watch(page, {FIRST: DELAY_IN_MILLISECONDS})
    click_row(page, FIRST)
    show(page)
    shown = right_side(page)
    assert shown["title"] == title
    assert (shown["facts"], shown["captions"], shown["images"]) == ("", [], []), "of no particle"
    assert page.execute_script("return gem.plot.markedRow") == -1


def test_a_click_comes_over_an_older_state_and_stops_a_playing_trajectory(
    page: Page, alone: dict[str, Any]
) -> None:
    show_point_of_trajectory(page)
    press(page, "#trajectory-play")
    wait_until(lambda: page.execute_script("return gem.trajectory.slider.value > 0.1"))
    press(page, "[data-state='1'][data-kind=mean]")
    click_row(page, SECOND)
    wait_until(lambda: text_of(page, "trajectory-play") == "play")
    shown = right_side(page)
    assert {**shown, "facts": ""} == {**alone, "facts": ""}


def test_an_older_click_does_not_come_over_a_session(explorer: Explorer, page: Page) -> None:
    settle(page)
    watch(page)
    click_row(page, SECOND)
    saved = right_side(page)
    page.execute_script("document.getElementById('session-name').value = 'clicked'")
    press(page, "#session-save")
    wait_until(lambda: "session saved" in text_of(page, "message"))
    open_page(page, explorer)
    settle(page)
    watch(page, {FIRST: 2 * DELAY_IN_MILLISECONDS})
    click_row(page, FIRST)
    page.execute_script("document.getElementById('session-name').value = 'clicked'")
    press(page, "#session-open")
    wait_until(lambda: text_of(page, "message") == "session opened")
    shown = right_side(page)
    for part in ("title", "captions", "images", "slices"):
        assert shown[part] == saved[part]
    assert page.execute_script("return gem.plot.markedRow") == SECOND


def test_a_click_while_a_session_opens_comes_over_the_molecule_of_the_session(page: Page) -> None:
    settle(page)
    page.execute_script("document.getElementById('session-name').value = 'first'")
    press(page, "#session-save")
    wait_until(lambda: "session saved" in text_of(page, "message"))
    watch(page, {"first": DELAY_IN_MILLISECONDS})  # type: ignore[dict-item]
    press(page, "#session-open")
    click_row(page, SECOND)
    wait_until(lambda: text_of(page, "message") == "session opened")
    assert right_side(page)["title"] == f"particle row {SECOND}"
    assert page.execute_script("return gem.plot.markedRow") == SECOND


@pytest.fixture
def counting(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Explorer, list[int]]]:
    """The run served again by a decoder that notes how many molecules each decoding asks for."""
    source, decodings = explorer_source(), []

    def noted(decode: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], Any]:
        return lambda latents: decodings.append(len(latents)) or decode(latents)

    assert source.clouds_at is not None
    noting = dataclasses.replace(source, decode=noted(source.decode), clouds_at=noted(source.clouds_at))
    monkeypatch.setattr(Run, "decoder", lambda *_: noting)
    for served in serve(explorer.run):
        yield served, decodings


def test_a_click_is_one_request_and_one_decoding(counting: tuple[Explorer, list[int]], browser: Page) -> None:
    served, decodings = counting
    page = open_page(browser, served)
    settle(page)
    watch(page)
    decodings.clear()
    click_row(page, SECOND)
    assert len(right_side(page)["images"]) == 2
    asked = [path for path in page.execute_script("return asked") if not path.startswith(POLLED)]
    assert asked == ["/api/molecule"]
    assert decodings == [1]


def test_clicks_that_nobody_waits_for_any_more_are_not_decoded(
    counting: tuple[Explorer, list[int]], browser: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten quick clicks with a slow decoder: the first is under way, the last is shown, most between are left out."""
    served, decodings = counting
    page = open_page(browser, served)
    settle(page)
    watch(page)
    real = Molecules.as_bytes
    monkeypatch.setattr(Molecules, "as_bytes", lambda *given: time.sleep(0.3) or real(*given))
    decodings.clear()
    for row in (1, 2, 3, 4, 5, 6, 7, 8, 9, SECOND):
        click_row(page, row)
    assert right_side(page)["title"] == f"particle row {SECOND}"
    assert 1 <= len(decodings) <= 6
