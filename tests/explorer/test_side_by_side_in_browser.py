"""Up to four maps side by side in a real browser: each in its own view, moved together, at one level, and saved as one picture."""

import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
from page_actions import Page, choose, press, set_range, settle, show_tab, text_of, wait_until
from PIL import Image
from selenium_keys import keys_to

VIEWS = "gem.molecule.linked.shown.map(({ view }) => view)"
ORIENTATIONS = f"return {VIEWS}.map((view) => view.orientation())"
TRIANGLES = f"return {VIEWS}.map((view) => view.countTriangles())"


@pytest.fixture
def compared(opened: Page) -> Iterator[Page]:
    """The shared page with three states side by side."""
    show_tab(opened, "compare")
    for number in (1, 2, 3):
        opened.execute_script("return gem.compare.add(arguments[0])", f"state {number}")
    choose(opened, "compare-arrangement", "side")
    drawn(opened, 3)
    yield opened
    choose(opened, "compare-arrangement", "one")
    opened.execute_script("gem.compare.entries = []; gem.compare.update()")
    opened.execute_script("return gem.molecule.showParticle(0)")
    settle(opened)


def drawn(page: Page, n_views: int) -> None:
    """Wait until so many views are on the screen and nothing more is drawn."""
    settle(page)
    done = f"return gem.molecule.linked.isShown && {VIEWS}.length === arguments[0] && {VIEWS}.every((view) => !view.building)"
    wait_until(lambda: page.execute_script(done, n_views))


def labels(page: Page) -> list[str]:
    return page.execute_script("return gem.molecule.linked.shown.map(({ label }) => label.textContent)")


def test_each_map_has_its_view_and_label_and_none_lies_on_another(compared: Page) -> None:
    assert labels(compared) == ["state 1", "state 2", "state 3"]
    assert all(count > 100 for count in compared.execute_script(TRIANGLES))
    boxes = np.array(
        compared.execute_script(
            "return [...document.querySelectorAll('.linked-view:not([hidden])')].map((one) => { const { left, top, right, bottom } = one.getBoundingClientRect(); return [left, top, right, bottom]; })"
        )
    )
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert np.ptp(widths) < 2
    assert np.ptp(heights) < 2
    assert boxes[0, 2] <= boxes[1, 0] + 1, "beside each other"
    assert boxes[0, 3] <= boxes[2, 1] + 1, "below each other"
    bars = compared.execute_script(
        "return [...document.querySelectorAll('.linked-view:not([hidden]) .scale-bar')].map((one) => [one.textContent, Math.round(one.offsetWidth)])"
    )
    assert len({tuple(bar) for bar in bars}) == 1, "one scale"


def test_the_mouse_in_one_view_rotates_all_and_the_buttons_do(compared: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    before = compared.execute_script(ORIENTATIONS)
    np.testing.assert_allclose(before, [before[0]] * 3, atol=1e-4)
    second = compared.find_elements("css selector", ".linked-surface")[1]
    ActionChains(compared, duration=60).drag_and_drop_by_offset(second, 40, 15).perform()
    wait_until(lambda: not np.allclose(compared.execute_script(ORIENTATIONS)[1], before[1], atol=1e-2))
    turned = compared.execute_script(ORIENTATIONS)
    np.testing.assert_allclose(turned, [turned[1]] * 3, rtol=1e-4, atol=1e-3)
    press(compared, "#view-buttons [data-axis=z]")
    along = compared.execute_script(ORIENTATIONS)
    assert not np.allclose(along, turned, atol=1e-2)
    np.testing.assert_allclose(along, [along[0]] * 3, rtol=1e-4, atol=1e-3)
    compared.execute_script("document.getElementById('linked-views').focus()")
    keys_to(compared, "ARROW_RIGHT")
    by_key = compared.execute_script(ORIENTATIONS)
    assert not np.allclose(by_key, along, atol=1e-2)
    np.testing.assert_allclose(by_key, [by_key[0]] * 3, rtol=1e-4, atol=1e-3)


def test_one_level_and_one_cut_hold_for_all_views(compared: Page) -> None:
    level = float(compared.execute_script("return gem.molecule.level.value"))
    levels = f"return {VIEWS}.map((view) => view.components[0].reprList[0].getParameters().isolevel)"
    assert compared.execute_script(levels) == [level - 0.5] * 3
    set_range(compared, "level", level + 25)
    wait_until(lambda: compared.execute_script(levels) == [level + 24.5] * 3)
    set_range(compared, "clip", 40)
    assert compared.execute_script(f"return {VIEWS}.map((view) => view.depth)") == [40, 40, 40]
    press(compared, "#view-buttons button:not([data-axis])")
    assert compared.execute_script(f"return {VIEWS}.map((view) => view.depth)") == [0, 0, 0]
    set_range(compared, "level", level)
    wait_until(lambda: compared.execute_script(levels) == [level - 0.5] * 3)


def test_the_picture_holds_every_map_in_its_colour_where_it_is_seen(compared: Page) -> None:
    press(compared, "#view-buttons button:not([data-axis])")
    data = compared.execute_script("return gem.molecule.controls.pictured().pictureOf(2000)")
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data.split(",")[1]))).convert("RGB")).astype(
        int
    )
    assert max(picture.shape) == 2000
    height, width = (side // 2 for side in picture.shape[:2])
    parts = [picture[:height, :width], picture[:height, width:], picture[height:, :width]]
    red, green, blue = ([part[..., channel] for part in parts] for channel in range(3))
    in_own_colour = [
        (blue[0] > red[0] + 60) & (blue[0] > 90),
        (red[1] > blue[1] + 60) & (red[1] > 120),
        (green[2] > red[2] + 50) & (green[2] > 80),
    ]
    assert min(counts := [int(colour.sum()) for colour in in_own_colour]) > 2000, counts
    assert np.all(picture[height + 20 :, width + 20 :].min(axis=-1) > 200), "nothing where there is no fourth"


def test_with_five_maps_four_are_beside_each_other_and_the_page_says_so(compared: Page) -> None:
    for number in (4, 5):
        compared.execute_script("return gem.compare.add(arguments[0])", f"state {number}")
    wait_until(lambda: len(labels(compared)) == 4)
    assert "untick others to see the remaining 1" in text_of(compared, "message")
    press(compared, ".compared:nth-child(1) input[type=checkbox]")
    wait_until(lambda: labels(compared) == [f"state {number}" for number in (2, 3, 4, 5)])


def test_another_molecule_takes_the_whole_view_and_the_comparison_comes_back(compared: Page) -> None:
    orientation = compared.execute_script(ORIENTATIONS)[0]
    compared.execute_script("return gem.molecule.showParticle(7)")
    settle(compared)
    assert not compared.find_element("id", "linked-views").is_displayed()
    np.testing.assert_allclose(
        compared.execute_script("return gem.molecule.view.orientation()"), orientation, rtol=1e-4, atol=1e-3
    )
    press(compared, "#compare-show")
    wait_until(lambda: compared.find_element("id", "linked-views").is_displayed())
    assert text_of(compared, "molecule-title") == "comparison of 3 maps"
