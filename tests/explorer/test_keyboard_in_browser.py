"""The explorer without a mouse, in a real browser: plot, molecule, selection, filters, tabs, help and walk-through by keys."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from page_actions import Page, choose, open_page, pixel_of, press, settle, show_tab, text_of, wait_until
from selenium_keys import focused, keys_to
from served_explorer import Explorer

VIEW = "return gem.molecule.view.orientation()"


@pytest.fixture
def keyboard(opened: Page) -> Iterator[Page]:
    """The shared page, with nothing selected and everything shown."""
    opened.execute_script(
        "gem.selection.select([], 'new'); gem.plot.removeFilters(); gem.plot.refilter(); gem.plot.scatter.showAll();"
        "gem.selection.choose('mode', document.querySelector('[data-mode=new]')); gem.plot.mark(-1); document.activeElement.blur()"
    )
    settle(opened)
    yield opened
    opened.execute_script(
        "document.getElementById('help').close(); if (!document.getElementById('walk').hidden) gem.walkThrough.end()"
    )


def to_the_plot(page: Page) -> None:
    keys_to(page, "p")
    assert focused(page) == "overlay"


def test_arrows_go_from_particle_to_particle_and_enter_shows_the_molecule(keyboard: Page) -> None:
    to_the_plot(keyboard)
    keys_to(keyboard, "ARROW_RIGHT")
    first = keyboard.execute_script("return gem.plot.markedRow")
    keys_to(keyboard, "ARROW_RIGHT")
    second = keyboard.execute_script("return gem.plot.markedRow")
    assert second != first
    assert pixel_of(keyboard, second)[0] > pixel_of(keyboard, first)[0]
    assert text_of(keyboard, "message").startswith(f"particle row {second}: ")
    keys_to(keyboard, "ARROW_LEFT", "ARROW_UP")
    row = keyboard.execute_script("return gem.plot.markedRow")
    keys_to(keyboard, "ENTER")
    wait_until(lambda: text_of(keyboard, "molecule-title") == f"particle row {row}")


def test_keys_zoom_pan_and_reset_the_plot(keyboard: Page) -> None:
    limits = "return [...gem.plot.scatter.view.x, ...gem.plot.scatter.view.y]"
    everything = keyboard.execute_script(limits)
    to_the_plot(keyboard)
    keys_to(keyboard, "+", "+")
    closer = keyboard.execute_script(limits)
    assert closer[1] - closer[0] == pytest.approx(0.64 * (everything[1] - everything[0]), rel=0.02)
    keys_to(keyboard, "SHIFT+ARROW_RIGHT")
    moved = keyboard.execute_script(limits)
    assert moved[0] > closer[0]
    assert moved[1] - moved[0] == pytest.approx(closer[1] - closer[0])
    keys_to(keyboard, "0")
    np.testing.assert_allclose(keyboard.execute_script(limits), everything)


def test_a_box_is_drawn_by_keys_and_selects_what_is_inside(keyboard: Page) -> None:
    to_the_plot(keyboard)
    keys_to(keyboard, "ARROW_RIGHT", "b", *["ARROW_RIGHT"] * 8, *["ARROW_DOWN"] * 8, "SHIFT+ARROW_DOWN")
    outline = np.array(keyboard.execute_script("return gem.plot.outline"))
    assert outline[:, 1].max() - outline[:, 1].min() > 100
    rows = keyboard.execute_script("return gem.plot.scatter.nPoints")
    pixels = np.array([pixel_of(keyboard, row) for row in range(rows)])
    inside = np.all((pixels >= outline.min(axis=0) - 1e-6) & (pixels <= outline.max(axis=0) + 1e-6), axis=1)
    start = keyboard.execute_script("return gem.plot.markedRow")
    keys_to(keyboard, "ENTER")
    selected = keyboard.execute_script("return Array.from(gem.selection.rows())")
    assert 5 < len(selected) < rows
    assert set(selected) ^ set(np.flatnonzero(inside)) <= {start}, "a particle on the edge may be either"
    wait_until(lambda: keyboard.find_element("id", "selection-report").is_displayed())
    keys_to(keyboard, "b", "ARROW_LEFT", "ESCAPE")
    assert keyboard.execute_script("return gem.plot.outline") is None
    assert keyboard.execute_script("return Array.from(gem.selection.rows())") == selected
    settle(keyboard)


def test_particles_are_added_and_subtracted_by_keys(keyboard: Page) -> None:
    to_the_plot(keyboard)
    keys_to(keyboard, "ARROW_UP", "a", "ARROW_RIGHT", "a")
    two = keyboard.execute_script("return Array.from(gem.selection.rows())")
    assert len(two) == 2
    keys_to(keyboard, "s")
    assert keyboard.execute_script("return gem.selection.rows().length") == 1


def test_a_range_filter_is_moved_by_arrows_and_all_that_it_shows_is_selected(keyboard: Page) -> None:
    show_tab(keyboard, "look")
    choose(keyboard, "filter-column", "latent_1")
    canvas = wait_until(lambda: keyboard.execute_script("return document.querySelector('.filter canvas')"))
    low, high = keyboard.execute_script("return gem.plot.filters[0].range")
    keyboard.execute_script("arguments[0].focus()", canvas)
    keys_to(keyboard, *["ARROW_LEFT"] * 10, *["SHIFT+ARROW_RIGHT"] * 5)
    now = keyboard.execute_script("return gem.plot.filters[0].range")
    assert now == pytest.approx([low + 0.1 * (high - low), high - 0.2 * (high - low)])
    assert float(canvas.get_attribute("aria-valuenow")) == pytest.approx(now[1])
    keyboard.execute_script("document.activeElement.blur()")
    keys_to(keyboard, "2")
    button = keyboard.find_element("id", "select-shown")
    assert button.is_displayed()
    button.send_keys("\n")
    shown = int(text_of(keyboard, "counts").split()[0])
    assert keyboard.execute_script("return gem.selection.rows().length") == shown < 300


def rotation(page: Page) -> np.ndarray:
    matrix = np.array(page.execute_script(VIEW)).reshape(4, 4)[:3, :3]
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def test_the_molecule_is_rotated_moved_and_zoomed_by_keys(keyboard: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    keys_to(keyboard, "m")
    assert focused(keyboard) == "surface"
    keys_to(keyboard, "r")
    first = keyboard.execute_script(VIEW)
    before = rotation(keyboard)
    keys_to(keyboard, "ARROW_RIGHT")
    between = rotation(keyboard) @ before.T
    assert np.degrees(np.arccos((np.trace(between) - 1) / 2)) == pytest.approx(15, abs=0.1)
    keys_to(keyboard, "ARROW_LEFT")
    np.testing.assert_allclose(rotation(keyboard), before, atol=1e-5)
    surface = keyboard.find_element("id", "surface")
    ActionChains(keyboard, duration=30).drag_and_drop_by_offset(surface, 13, 0).perform()
    dragged = rotation(keyboard) @ before.T
    np.testing.assert_allclose(dragged, between, atol=0.03, err_msg="as the mouse does to the right")
    keys_to(keyboard, "r", "z")
    along = rotation(keyboard)
    assert not np.allclose(along, before, atol=0.1)
    keys_to(keyboard, "r", "+")
    scale = np.linalg.norm(keyboard.execute_script(VIEW)[:3]) / np.linalg.norm(first[:3])
    assert scale == pytest.approx(0.88, abs=0.01), "nearer"
    keys_to(keyboard, "r")
    left = blue_middle(keyboard)
    keys_to(keyboard, *["SHIFT+ARROW_RIGHT"] * 2)
    wait_until(lambda: blue_middle(keyboard)[0] > left[0] + 30)
    keys_to(keyboard, *["SHIFT+ARROW_DOWN"] * 2)
    wait_until(lambda: blue_middle(keyboard)[1] > left[1] + 30)
    keys_to(keyboard, "r")
    np.testing.assert_allclose(keyboard.execute_script(VIEW), first, atol=1e-3)


def blue_middle(page: Page) -> Any:
    """Mean position of the pixels of the molecule, in pixels of its canvas."""
    return page.execute_script(
        """const source = document.querySelector('#surface canvas'), copy = document.createElement('canvas');
        [copy.width, copy.height] = [source.width, source.height];
        const context = copy.getContext('2d'); context.drawImage(source, 0, 0);
        const { data } = context.getImageData(0, 0, copy.width, copy.height); let [x, y, n] = [0, 0, 0];
        for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 128) { x += (i / 4) % copy.width; y += Math.floor(i / 4 / copy.width); n++; }
        return [x / n, y / n];"""
    )


def test_tabs_are_chosen_by_arrows_and_numbers_and_only_one_of_them_is_a_stop(keyboard: Page) -> None:
    keys_to(keyboard, "1")
    keyboard.execute_script("document.getElementById('tab-look').focus()")
    keys_to(keyboard, "ARROW_RIGHT", "ARROW_RIGHT")
    assert focused(keyboard) == "tab-states"
    assert keyboard.find_element("id", "tab-states").get_attribute("aria-selected") == "true"
    assert keyboard.find_element("id", "dendrogram").is_displayed()
    stops = keyboard.execute_script(
        "return Array.from(document.querySelectorAll('#left-tabs [role=tab]')).filter((one) => one.tabIndex === 0).length"
    )
    assert stops == 1
    keys_to(keyboard, "ARROW_RIGHT", "ARROW_RIGHT", "ARROW_RIGHT")
    assert focused(keyboard) == "tab-look", "round the end"
    keys_to(keyboard, "8")
    assert keyboard.find_element("id", "compare-choice").is_displayed()


def test_pressed_buttons_say_so(keyboard: Page) -> None:
    keyboard.execute_script("document.querySelector('[data-tool=lasso]').click()")
    pressed = "return document.querySelector(arguments[0]).getAttribute('aria-pressed')"
    wait_until(lambda: keyboard.execute_script(pressed, "[data-tool=lasso]") == "true")
    assert keyboard.execute_script(pressed, "[data-tool=click]") == "false"
    press(keyboard, "[data-tool=click]")
    press(keyboard, "#legend button")
    wait_until(lambda: keyboard.execute_script(pressed, "#legend button") == "false")
    press(keyboard, "#legend button")
    wait_until(lambda: keyboard.execute_script(pressed, "#legend button") == "true")


def test_the_help_lists_the_keys_keeps_the_focus_and_closes_with_escape(keyboard: Page) -> None:
    to_the_plot(keyboard)
    keys_to(keyboard, "?")
    assert keyboard.execute_script("return document.getElementById('help').open")
    shown = text_of(keyboard, "shortcuts")
    for expected in ("in the plot", "Enter", "rotate by 15 degrees", "undo, redo"):
        assert expected in shown
    for _ in range(6):
        keys_to(keyboard, "TAB")
        inside = "return document.getElementById('help').contains(document.activeElement) || document.activeElement === document.body"
        assert keyboard.execute_script(inside), focused(keyboard)
    keys_to(keyboard, "1")
    assert keyboard.execute_script("return document.getElementById('help').open"), "other keys rest meanwhile"
    keys_to(keyboard, "ESCAPE")
    wait_until(lambda: not keyboard.execute_script("return document.getElementById('help').open"))
    assert focused(keyboard) == "overlay"


def test_a_text_field_keeps_the_keys_for_itself(keyboard: Page) -> None:
    show_tab(keyboard, "select")
    field = keyboard.find_element("id", "selection-name")
    field.clear()
    field.send_keys("f1?b")
    assert field.get_attribute("value") == "f1?b"
    assert not keyboard.execute_script(
        "return document.getElementById('help').open || gem.layout.isFullScreen"
    )
    assert keyboard.find_element("id", "panel-select").is_displayed()


def test_the_walk_through_goes_by_keys_to_real_controls_and_ends(keyboard: Page) -> None:
    keys_to(keyboard, "?")
    keyboard.find_element("id", "walk-start").send_keys("\n")
    wait_until(lambda: keyboard.find_element("id", "walk").is_displayed())
    steps = int(text_of(keyboard, "walk-count").split()[-1])
    titles = []
    for step in range(steps):
        titles.append(text_of(keyboard, "walk-title"))
        assert text_of(keyboard, "walk-count") == f"{step + 1} of {steps}"
        marked, inside = keyboard.execute_script(
            """const card = document.getElementById('walk').getBoundingClientRect(), all = document.querySelectorAll('.walked');
            return [all.length === 1 && all[0].getClientRects().length > 0, card.left >= 0 && card.top >= 0 && card.right <= innerWidth && card.bottom <= innerHeight];"""
        )
        assert marked, titles[-1]
        assert inside, titles[-1]
        keys_to(keyboard, "ENTER")
    assert len(set(titles)) == steps
    assert not keyboard.find_element("id", "walk").is_displayed()
    assert keyboard.execute_script("return document.querySelector('.walked')") is None


def test_the_walk_through_is_offered_once_and_does_not_block_the_page(
    keyboard: Page, explorer: Explorer
) -> None:
    keyboard.delete_cookie("gem_walk")
    address = explorer.address.replace("&walk=off", "")
    keyboard.get(address)
    wait_until(lambda: keyboard.execute_script("return window.gemIsReady === true"))
    assert keyboard.find_element("id", "walk").is_displayed()
    settle(keyboard)
    keyboard.find_element("id", "tab-states").click()
    assert keyboard.find_element("id", "n-states").is_displayed(), "the page can be used meanwhile"
    keyboard.find_element("id", "walk-skip").click()
    keyboard.get(address)
    wait_until(lambda: keyboard.execute_script("return window.gemIsReady === true"))
    assert not keyboard.find_element("id", "walk").is_displayed()
    keyboard.delete_cookie("gem_walk")
    open_page(keyboard, explorer)
    assert not keyboard.find_element("id", "walk").is_displayed()
    settle(keyboard)
