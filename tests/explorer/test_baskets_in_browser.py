"""Baskets, undo and redo in a real browser, with real mouse and keyboard; a reload and a second tab find everything again."""

import json

import pytest
from explorer_run import N_PARTICLES
from page_actions import (
    Page,
    choose,
    count_of_pixels,
    drag,
    open_page,
    pixel_of,
    press,
    settle,
    show_tab,
    text_of,
    wait_until,
)
from served_explorer import Explorer


@pytest.fixture
def page(opened: Page) -> Page:
    """The page with one empty basket, as at its start."""
    opened.execute_script(
        "gem.basketPanel.exchange([], 0); gem.plot.removeFilters(); gem.plot.refilter(); gem.trajectory.clear();"
        "gem.history.amend(); gem.history.steps = []; gem.history.next = 0; gem.undoControls.update(); gem.say('')"
    )
    press(opened, "[data-mode=new]")
    press(opened, "[data-tool=box]")
    return opened


def counts(page: Page) -> dict[str, int]:
    return page.execute_script(
        "return Object.fromEntries(gem.baskets.list().map(({ name, count }) => [name, count]))"
    )


def selected(page: Page) -> set[int]:
    return set(page.execute_script("return Array.from(gem.selection.rows())"))


def half(page: Page, side: str) -> None:
    """A box over the left, right, or upper half of the range of the axes, whatever height the plot has at the moment."""
    width, height = page.execute_script(
        "const o = document.getElementById('overlay'); return [o.clientWidth, o.clientHeight]"
    )
    left, right, top, bottom = 64, width - 14, 14, height - 46
    middle = (left + right) / 2, (top + bottom) / 2
    corners = {
        "left": [(left, top), (middle[0], bottom)],
        "right": [(middle[0] + 1, top), (right, bottom)],
        "upper": [(left, top), (right, middle[1])],
    }
    drag(page, corners[side])


def left_of_latents(page: Page) -> set[int]:
    """A box over the left half of the plane of the first latents; gives the rows."""
    page.execute_script(
        "return gem.plot.setAxes('latent_1', 'latent_2', 'state').then(() => gem.history.amend())"
    )
    half(page, "left")
    return selected(page)


def keys(page: Page, *held: str, key: str) -> None:
    """Press a key with others held down, wherever the focus is."""
    from selenium.webdriver.common.action_chains import ActionChains

    actions = ActionChains(page)
    for one in held:
        actions.key_down(one)
    actions.send_keys(key)
    for one in reversed(held):
        actions.key_up(one)
    actions.perform()


def undo(page: Page) -> str:
    from selenium.webdriver.common.keys import Keys

    page.execute_script("document.activeElement.blur(); gem.say('')")
    keys(page, Keys.CONTROL, key="z")
    return wait_until(lambda: (said := text_of(page, "message")) and "..." not in said and said)


def redo(page: Page) -> str:
    from selenium.webdriver.common.keys import Keys

    page.execute_script("document.activeElement.blur(); gem.say('')")
    keys(page, Keys.CONTROL, Keys.SHIFT, key="z")
    return wait_until(lambda: (said := text_of(page, "message")) and "..." not in said and said)


def shown_steps(page: Page) -> list[str]:
    return page.execute_script("return gem.history.steps.map(({ name }) => name)")


def test_a_box_replaces_adds_subtracts_and_intersects_the_active_basket_only(page: Page) -> None:
    half(page, "left")
    left = selected(page)
    press(page, "#basket-new")
    assert selected(page) == set()
    half(page, "upper")
    upper = selected(page)
    assert counts(page) == {"basket 1": len(left), "basket 2": len(upper)}
    for mode, side, expected in (
        ("add", "left", upper | left),
        ("intersect", "upper", upper),
        ("remove", "left", upper - left),
    ):
        press(page, f"[data-mode={mode}]")
        half(page, side)
        assert selected(page) == expected, mode
    assert counts(page)["basket 1"] == len(left)
    show_tab(page, "select")
    page.find_element("css selector", "#baskets .basket").click()
    assert selected(page) == left


def test_shift_adds_and_alt_subtracts_with_a_click_too(page: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    press(page, "[data-tool=click]")
    overlay = page.find_element("id", "overlay")
    x, y = pixel_of(page, 42)
    at = (round(x - overlay.size["width"] / 2), round(y - overlay.size["height"] / 2))
    row = page.execute_script("return gem.rowAt(...gem.plot.scatter.pixelOf(42))")
    ActionChains(page).move_to_element_with_offset(overlay, *at).click().perform()
    settle(page)
    assert selected(page) == set(), "a click alone shows the molecule"
    ActionChains(page).key_down(Keys.SHIFT).move_to_element_with_offset(overlay, *at).click().key_up(
        Keys.SHIFT
    ).perform()
    chosen = selected(page)
    assert len(chosen) == 1
    assert row in chosen
    settle(page)
    ActionChains(page).key_down(Keys.ALT).move_to_element_with_offset(overlay, *at).click().key_up(
        Keys.ALT
    ).perform()
    assert selected(page) == set()


def test_two_planes_are_joined_by_intersecting(page: Page) -> None:
    half(page, "left")
    left = selected(page)
    page.execute_script("return gem.plot.setAxes('defocus', 'latent_1', 'state')")
    wait_until(lambda: page.execute_script("return gem.plot.chosen.x.name === 'defocus'"))
    press(page, "[data-mode=intersect]")
    half(page, "left")
    both = selected(page)
    assert both
    assert both < left
    values = page.execute_script("return Array.from(gem.plot.scatter.x)")
    assert max(values[row] for row in both) < max(values[row] for row in left)


def test_rename_duplicate_invert_delete_and_baskets_of_two(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    half(page, "left")
    n_left = len(selected(page))
    show_tab(page, "select")
    page.find_element("id", "basket-rename").click()
    page.switch_to.active_element.send_keys("open", Keys.ENTER)
    assert counts(page) == {"open": n_left}
    assert page.execute_script("return document.getElementById('selection-name').value") == "open"
    press(page, "#basket-duplicate")
    press(page, "#select-invert")
    assert counts(page) == {"open": n_left, "open copy 2": N_PARTICLES - n_left}
    first, second = page.execute_script("return gem.baskets.list().map(({ id }) => id)")
    for operation, expected in (("union", N_PARTICLES), ("intersection", 0), ("difference", n_left)):
        for field, value in (("one", first), ("operation", operation), ("other", second)):
            choose(page, f"basket-{field}", value)
        press(page, "#basket-combine")
        assert page.execute_script("return gem.baskets.active.count") == expected, operation
    press(page, "#basket-delete")
    assert len(counts(page)) == 4
    page.find_element("id", "basket-rename").click()
    page.switch_to.active_element.send_keys("open", Keys.ENTER)
    wait_until(lambda: "There is a basket open already" in text_of(page, "message"))
    page.find_element("id", "basket-rename").click()
    page.switch_to.active_element.send_keys("never", Keys.ESCAPE)
    assert "never" not in counts(page)


def test_everything_that_changes_the_work_is_undone_and_done_again_by_name(page: Page) -> None:
    left = left_of_latents(page)
    press(page, "#basket-new")
    choose(page, "axis-x", "defocus")
    wait_until(lambda: page.execute_script("return gem.plot.chosen.x.name === 'defocus'"))
    choose(page, "axis-colour", "latent_1")
    wait_until(lambda: page.execute_script("return gem.plot.chosen.colour.name === 'latent_1'"))
    choose(page, "filter-column", "latent_2")
    wait_until(lambda: page.execute_script("return gem.plot.filters.length === 1"))
    from selenium.webdriver.common.action_chains import ActionChains

    show_tab(page, "look")
    histogram = page.find_element("css selector", ".filter canvas")
    page.execute_script("arguments[0].scrollIntoView()", histogram)
    ActionChains(page, duration=20).move_to_element_with_offset(
        histogram, -60, 0
    ).click_and_hold().move_by_offset(90, 0).release().perform()
    wait_until(lambda: "of 300 particles shown" in text_of(page, "counts"))
    shown = text_of(page, "counts")
    page.execute_script("gem.trajectory.addWaypoint(7)")
    choose(page, "n-states", "3")
    wait_until(lambda: any(name.startswith("recluster") for name in shown_steps(page)))
    wait_until(lambda: page.execute_script("return gem.plot.chosen.colour.name === 'states_here'"))
    expected = [
        "recluster",
        "waypoint at row 7",
        "range of latent_2",
        "filter on latent_2",
        "colour: latent_1",
        "x axis: defocus",
        "new basket (basket 1)",
        "box: replace (basket 1)",
    ]
    names = shown_steps(page)[::-1]
    assert names[1:] == expected[1:]
    assert names[0].startswith("recluster: states (3, ")
    assert names[0] in page.find_element("id", "undo").get_attribute("title")
    look = """const { x, colour } = gem.plot.chosen; return [gem.baskets.list().length, x.name, colour.name,
        gem.plot.filters.length, gem.trajectory.waypoints.length, gem.states.isOfLandscape]"""
    last = page.execute_script(look)
    assert last == [2, "defocus", "states_here", 1, 1, False]
    for name in names:
        assert undo(page) == f"undone: {name}"
    assert page.execute_script(look) == [1, "latent_1", "state", 0, 0, True]
    assert selected(page) == set()
    assert text_of(page, "counts") == f"{N_PARTICLES} particles"
    assert undo(page) == "There is nothing to undo."
    for name in reversed(names):
        assert redo(page) == f"done again: {name}"
    assert page.execute_script(look) == last
    assert text_of(page, "counts") == shown
    assert counts(page)["basket 1"] == len(left)
    page.find_element("id", "undo").click()
    wait_until(lambda: page.execute_script("return gem.states.isOfLandscape"))
    page.find_element("id", "session-name").send_keys("typed")
    from selenium.webdriver.common.keys import Keys

    steps = page.execute_script("return gem.history.next")
    keys(page, Keys.CONTROL, key="z")
    assert page.execute_script("return gem.history.next") == steps, "a text field keeps the keys for itself"


def test_thirty_one_baskets_have_their_colours_in_the_plot_and_the_legend(page: Page) -> None:
    page.execute_script(
        """for (let k = 0; k < 31; k++) {
          if (k) gem.baskets.add();
          gem.selection.select(Array.from({ length: 9 }, (_, row) => 9 * k + row), 'new');
        }"""
    )
    assert len(counts(page)) == 31
    show_tab(page, "select")
    page.find_element("id", "basket-colour").click()
    wait_until(lambda: page.execute_script("return gem.plot.chosen.colour.name === 'basket'"))
    legend = page.execute_script(
        "return Array.from(document.querySelectorAll('#legend button'), (one) => one.textContent)"
    )
    assert legend == ["none", *(f"basket {number}" for number in range(1, 32))]
    page.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    last = page.execute_script("return gem.baskets.list().map(({ colour }) => colour).at(-1)")
    red, green, blue = (int(last[start : start + 2], 16) for start in (1, 3, 5))
    assert count_of_pixels(page, "points", f"r === {red} && g === {green} && b === {blue}") > 20
    active = page.find_element("css selector", "#baskets .on")
    assert active.text.split("\n")[0] == "basket 31"
    assert active.is_displayed()


def test_a_session_holds_baskets_and_an_older_one_opens_as_one(page: Page, explorer: Explorer) -> None:
    half(page, "left")
    n_left = len(selected(page))
    press(page, "#basket-new")
    press(page, "#select-shown")
    page.execute_script("document.getElementById('session-name').value = 'with_baskets'")
    press(page, "#session-save")
    wait_until(lambda: "session saved" in text_of(page, "message"))
    press(page, "#basket-delete")
    press(page, "#select-none")
    press(page, "#session-open")
    wait_until(lambda: text_of(page, "message") == "session opened")
    assert counts(page) == {"basket 1": n_left, "basket 2": N_PARTICLES}
    assert len(selected(page)) == N_PARTICLES
    assert undo(page) == "undone: open session"
    assert counts(page) == {"basket 1": 0}
    path = explorer.run.explore.session("with_baskets")
    content = json.loads(path.read_text())
    del content["baskets"], content["activeBasket"]
    content["selected"] = [1, 2, 3]
    path.write_text(json.dumps(content))
    press(page, "#session-open")
    wait_until(lambda: text_of(page, "message") == "session opened")
    assert counts(page) == {"basket 1": 3}


def test_a_reload_finds_everything_again(page: Page, explorer: Explorer) -> None:
    left = left_of_latents(page)
    press(page, "#basket-new")
    choose(page, "filter-column", "latent_2")
    wait_until(lambda: page.execute_script("return gem.plot.filters.length === 1"))
    page.execute_script("gem.trajectory.addWaypoint(7)")
    choose(page, "n-states", "4")
    wait_until(lambda: any(name.startswith("recluster") for name in shown_steps(page)))
    wait_until(lambda: page.execute_script("return !gem.keeper.sending"))
    open_page(page, explorer, keeps_work=True)
    assert counts(page) == {"basket 1": len(left), "basket 2": 0}
    assert page.execute_script("return [gem.baskets.active.name, gem.plot.filters.length]") == ["basket 2", 1]
    settle(page)
    wait_until(lambda: page.execute_script("return gem.plot.chosen.colour.name === 'states_here'"))
    assert page.execute_script("return [gem.states.head.counts.length, gem.trajectory.waypoints]") == [4, [7]]
    press(page, "#baskets .basket")
    assert selected(page) == left


def test_a_second_tab_follows_and_both_hear_of_what_the_other_changed(page: Page, explorer: Explorer) -> None:
    first = page.current_window_handle
    half(page, "left")
    n_left = len(selected(page))
    wait_until(lambda: page.execute_script("return !gem.keeper.sending"))
    page.switch_to.new_window("tab")
    try:
        open_page(page, explorer, keeps_work=True)
        assert counts(page) == {"basket 1": n_left}
        press(page, "[data-tool=box]")
        press(page, "#basket-new")
        half(page, "right")
        n_right = len(selected(page))
        wait_until(lambda: page.execute_script("return !gem.keeper.sending"))
        page.switch_to.window(first)
        wait_until(lambda: "Another tab changed: basket basket 2" in text_of(page, "message"))
        wait_until(lambda: counts(page) == {"basket 1": n_left, "basket 2": n_right})
        assert page.execute_script("return gem.baskets.active.name") == "basket 1", "each tab has its own"
        page.execute_script("gem.keeper.isBusy = () => true")  # as while a lasso is drawn: it does not look
        page.switch_to.window(next(one for one in page.window_handles if one != first))
        page.execute_script("gem.baskets.activate(gem.baskets.list()[0].id); gem.basketPanel.show()")
        press(page, "#select-none")
        wait_until(lambda: page.execute_script("return !gem.keeper.sending"))
        page.switch_to.window(first)
        half(page, "upper")
        n_upper = len(selected(page))
        wait_until(
            lambda: "Another tab had changed the same meanwhile (basket basket 1" in text_of(page, "message")
        )
        page.switch_to.window(next(one for one in page.window_handles if one != first))
        wait_until(lambda: counts(page)["basket 1"] == n_upper)
        assert "Another tab changed" in text_of(page, "message")
        undo(page)
        assert counts(page)["basket 1"] == n_left, "what was there before the own change"
    finally:
        if page.current_window_handle == first:
            page.switch_to.window(next(one for one in page.window_handles if one != first))
        page.close()
        page.switch_to.window(first)
        page.execute_script("gem.keeper.isBusy = () => false")
