"""Where things are on the page, in a real browser: on every screen nothing is covered or cut off, and sizes are the reader's."""

from collections.abc import Iterator
from typing import Any

import pytest
from page_actions import Page, count_of_pixels, open_page, press, settle, show_tab, text_of, wait_until
from served_explorer import Explorer

SCREENS = [(1280, 720), (640, 360), (900, 700), (2560, 1440), (844, 390), (390, 844)]
TABS = ("look", "select", "states", "path", "particle", "selection", "compare", "atoms")
KEPT = ("sizes", "theme", "walk")
# What is cut off: controls that are shown, have a size, and that no scrolling brings into the window; or that
# something else lies on when they are there. The page itself must not scroll sideways.
MEASURE = """
const shown = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
const controls = [...document.querySelectorAll("button, select, input, summary, [role=separator], canvas, [tabindex='0']")].filter(shown);
const wrong = [];
if (document.documentElement.scrollWidth > innerWidth) wrong.push(`the page is ${document.documentElement.scrollWidth} wide`);
for (const one of controls) {
  one.scrollIntoView({ block: "nearest", inline: "nearest" });
  const { left, right, top, bottom } = one.getBoundingClientRect();
  const name = one.id || one.textContent.trim().slice(0, 20) || one.className;
  const isPart = one.matches("button, select, input, summary");
  if (isPart && (left < -1 || right > innerWidth + 1 || top < -1 || bottom > innerHeight + 1)) wrong.push(`${name} is outside: ${[left, right, top, bottom].map(Math.round)}`);
  if (!isPart || one.disabled) continue;
  const on = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  if (!on || !(one.contains(on) || on.contains(one) && on.tagName === "LABEL")) wrong.push(`${name} is covered by ${on?.id || on?.tagName}`);
}
for (const one of document.querySelectorAll("#top, main, #left, #middle, #right, #details")) one.scrollTop = 0;
const boxes = Object.fromEntries(["left", "scatter", "stage", "details", "message", "top"].map((id) => [id, document.getElementById(id).getBoundingClientRect()]));
const names = Object.keys(boxes);
const inMain = ["left", "scatter", "stage", "details"];
for (const a of inMain) for (const b of inMain) {
  if (a >= b) continue;
  const across = Math.min(boxes[a].right, boxes[b].right) - Math.max(boxes[a].left, boxes[b].left);
  const down = Math.min(boxes[a].bottom, boxes[b].bottom) - Math.max(boxes[a].top, boxes[b].top);
  if (across > 1 && down > 1) wrong.push(`${a} and ${b} overlap by ${Math.round(across)} x ${Math.round(down)}`);
}
for (const one of document.querySelectorAll("main *")) if (one.scrollLeft) wrong.push(`${one.id} scrolls sideways`);
for (const id of ["scatter", "stage"]) if (boxes[id].width < 180 || boxes[id].height < 130) wrong.push(`${id} has only ${Math.round(boxes[id].width)} x ${Math.round(boxes[id].height)}`);
return wrong;
"""


def resize(browser: Page, width: int, height: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )
    wait_until(lambda: browser.execute_script("return innerWidth === arguments[0]", width))


def forget(browser: Page) -> None:
    """What the page keeps in this browser is no longer there."""
    for name in KEPT:
        browser.delete_cookie(f"gem_{name}")


@pytest.fixture
def screen(opened: Page) -> Iterator[Page]:
    """The shared page; its size and what it keeps are as before afterwards."""
    width = opened.execute_script("return innerWidth")
    yield opened
    opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    forget(opened)
    opened.execute_script(
        "if (gem.layout.isFullScreen) gem.layout.toggleFullScreen();"
        "gem.layout.foldControls(false); gem.layout.foldDetails(false); gem.layout.sizes = {};"
        "document.querySelector('main').removeAttribute('style')"
    )
    wait_until(lambda: opened.execute_script("return innerWidth === arguments[0]", width))


@pytest.mark.parametrize("size", SCREENS, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("is_folded", [False, True], ids=["controls", "folded"])
def test_nothing_is_covered_or_cut_off_on_any_screen(
    screen: Page, size: tuple[int, int], is_folded: bool
) -> None:
    resize(screen, *size)
    wrong = {}
    for tab in TABS:
        show_tab(screen, tab)
        screen.execute_script("gem.layout.foldControls(arguments[0])", is_folded)
        if found := screen.execute_script(MEASURE):
            wrong[tab] = found
    assert wrong == {}, "\n".join(f"{tab}: {one}" for tab, found in wrong.items() for one in found)


def test_the_molecule_has_the_largest_place_beside_the_plot(screen: Page) -> None:
    for width, height in SCREENS[:1] + SCREENS[3:4]:
        resize(screen, width, height)
        left, plot, molecule = screen.execute_script(
            "return ['left', 'middle', 'right'].map((id) => document.getElementById(id).offsetWidth)"
        )
        assert molecule > plot > left


def width_of(page: Page, identifier: str) -> float:
    return page.execute_script("return document.getElementById(arguments[0]).offsetWidth", identifier)


def height_of(page: Page, identifier: str) -> float:
    return page.execute_script("return document.getElementById(arguments[0]).offsetHeight", identifier)


def test_splitters_are_dragged_and_their_sizes_are_there_after_a_reload(
    screen: Page, explorer: Explorer
) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    before = [width_of(screen, "left"), width_of(screen, "right"), height_of(screen, "details")]
    for name, (x, y) in {"left": (60, 0), "molecule": (-70, 0), "details": (0, -40)}.items():
        splitter = screen.find_element("id", f"split-{name}")
        ActionChains(screen, duration=30).drag_and_drop_by_offset(splitter, x, y).perform()
    left, right, details = width_of(screen, "left"), width_of(screen, "right"), height_of(screen, "details")
    assert left == before[0] + 60
    assert right > before[1] + 20, "70 more, and its part of the 60 that the controls took"
    assert details == pytest.approx(before[2] + 40, abs=2)
    surface = screen.execute_script(
        "const s = document.getElementById('surface'), c = s.querySelector('canvas'); return [s.clientWidth, c.clientWidth]"
    )
    assert surface[0] == pytest.approx(surface[1], abs=2), "the molecule fills its place"
    open_page(screen, explorer)
    settle(screen)
    assert [
        width_of(screen, "left"),
        width_of(screen, "right"),
        height_of(screen, "details"),
    ] == pytest.approx([left, right, details], abs=2)


def test_splitters_are_moved_by_arrow_keys_and_say_where_they_are(screen: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    for name, part, key in (
        ("split-left", "left", Keys.ARROW_RIGHT),
        ("split-molecule", "right", Keys.ARROW_LEFT),
    ):
        splitter = screen.find_element("id", name)
        before = width_of(screen, part)
        splitter.send_keys(key, key)
        assert width_of(screen, part) == pytest.approx(before + 32, abs=2)
        assert float(splitter.get_attribute("aria-valuenow")) == pytest.approx(width_of(screen, part), abs=1)
    splitter = screen.find_element("id", "split-details")
    splitter.send_keys(Keys.HOME)
    assert height_of(screen, "details") == pytest.approx(90, abs=1)
    splitter.send_keys(Keys.END)
    assert height_of(screen, "stage") == pytest.approx(130, abs=2)


def test_controls_and_details_are_folded_and_a_tab_unfolds_them(screen: Page) -> None:
    plot, stage = width_of(screen, "middle"), height_of(screen, "stage")
    screen.find_element("id", "fold-left").click()
    assert width_of(screen, "middle") > plot
    assert screen.find_element("id", "fold-left").get_attribute("aria-expanded") == "false"
    assert not screen.find_element("id", "axis-x").is_displayed()
    screen.find_element("id", "tab-states").click()
    assert screen.find_element("id", "n-states").is_displayed()
    screen.find_element("id", "fold-details").click()
    assert height_of(screen, "stage") > stage + 100
    screen.find_element("id", "tab-particle").click()
    assert height_of(screen, "stage") == pytest.approx(stage, abs=2)


def test_the_molecule_alone_fills_the_screen_by_button_and_key(screen: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    button = screen.find_element("id", "view-full")
    button.click()
    wait_until(lambda: width_of(screen, "stage") >= screen.execute_script("return innerWidth") - 20)
    assert not screen.find_element("id", "overlay").is_displayed()
    assert button.get_attribute("aria-pressed") == "true"
    settle(screen)
    screen.execute_script("document.activeElement.blur()")
    ActionChains(screen).send_keys("f").perform()
    wait_until(lambda: screen.find_element("id", "overlay").is_displayed())
    ActionChains(screen).send_keys("f").perform()
    wait_until(lambda: not screen.find_element("id", "overlay").is_displayed())
    ActionChains(screen).send_keys(Keys.ESCAPE).perform()
    wait_until(lambda: screen.find_element("id", "overlay").is_displayed())


def test_what_is_shown_of_a_selection_comes_to_the_front_and_without_it_the_tab_says_how(
    screen: Page,
) -> None:
    show_tab(screen, "selection")
    assert screen.find_element("id", "selection-empty").is_displayed()
    show_tab(screen, "particle")
    screen.execute_script("gem.selection.select([3, 4, 5], 'new')")
    press(screen, "#selection-show")
    wait_until(lambda: screen.find_element("id", "selection-report").is_displayed())
    assert not screen.find_element("id", "selection-empty").is_displayed()
    press(screen, "#selection-close")
    wait_until(lambda: screen.find_element("id", "selection-empty").is_displayed())
    screen.execute_script("gem.selection.select([], 'new')")


def ground_of(page: Page, selector: str) -> Any:
    return page.execute_script(
        "return getComputedStyle(document.querySelector(arguments[0])).backgroundColor", selector
    )


def test_light_and_dark_change_the_page_its_canvases_and_the_molecule_and_are_kept(
    screen: Page, explorer: Explorer
) -> None:
    dark, light = "r + g + b < 110", "r > 250 && g > 250 && b > 250"
    settle(screen)
    n_light = count_of_pixels(screen, "points", light)
    assert n_light > 1000
    picture = "return gem.molecule.view.picture()"
    on_white = screen.execute_script(picture)
    screen.find_element("id", "theme").click()
    wait_until(lambda: count_of_pixels(screen, "points", dark) > 0.8 * n_light)
    assert count_of_pixels(screen, "points", light) < 0.01 * n_light
    assert ground_of(screen, "#surface canvas") == "rgb(17, 23, 29)"
    assert screen.execute_script(picture) == on_white, "a picture is on white in dark too"
    assert screen.find_element("id", "theme").get_attribute("aria-pressed") == "true"
    open_page(screen, explorer)
    settle(screen)
    assert count_of_pixels(screen, "points", dark) > 0.8 * n_light, "kept"
    assert screen.find_element("id", "theme").get_attribute("aria-pressed") == "true"
    screen.find_element("id", "theme").click()
    wait_until(lambda: count_of_pixels(screen, "points", light) > 0.99 * n_light)
    assert "molecule" not in text_of(screen, "message")


def test_the_system_decides_until_the_button_is_pressed(screen: Page) -> None:
    screen.execute_script("delete document.documentElement.dataset.theme")
    seen = []
    for scheme in ("dark", "light"):
        screen.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        seen.append(ground_of(screen, "#top"))
    screen.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert seen[0] != seen[1]
    assert seen[1] == "rgb(245, 247, 249)"
