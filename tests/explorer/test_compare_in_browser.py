"""Maps compared in a real browser, the view with its plane and pictures, and waypoints moved with mouse and keys."""

import base64
import io
import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
from explorer_run import explorer_source
from page_actions import (
    Page,
    choose,
    count_of_pixels,
    drag,
    pixel_of,
    press,
    set_range,
    settle,
    show_tab,
    text_of,
    wait_until,
)
from PIL import Image
from served_explorer import Explorer

BLUE, ORANGE = "b > r + 60 && b > 90", "r > b + 60 && r > g + 20 && r > 120"
DOWNLOADS = """
window.downloaded = [];
const made = URL.createObjectURL.bind(URL);
URL.createObjectURL = (blob) => {
  blob.text().then((text) => { window.svgText = text; });
  return made(blob);
};
HTMLAnchorElement.prototype.click = function () { window.downloaded.push([this.download, this.href]); };
"""


def add(page: Page, name: str) -> None:
    """As a reader does: choose in the list, press add."""
    page.execute_script("gem.compare.fillChoice()")
    choose(page, "compare-choice", name)
    n_before = page.execute_script("return gem.compare.entries.length")
    press(page, "#compare-add")
    wait_until(lambda: page.execute_script("return gem.compare.entries.length") > n_before)
    settle(page)


def picture(page: Page) -> np.ndarray:
    data = page.execute_script("return gem.molecule.view.pictureOf(2000)")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data.split(",")[1]))).convert("RGB")).astype(int)


def test_two_states_are_seen_together_with_boxes_opacity_and_levels(explorer: Explorer, page: Page) -> None:
    settle(page)
    add(page, "state 1")
    add(page, "state 2")
    assert text_of(page, "molecule-title") == "comparison of 2 maps"
    assert page.execute_script("return gem.molecule.view.components.length") == 2
    tints = page.execute_script("return gem.compare.entries.map((one) => one.colour)")
    assert tints == ["#0072b2", "#e69f00"]
    assert count_of_pixels(page, "surface", BLUE) > 200
    assert count_of_pixels(page, "surface", ORANGE) > 200
    press(page, ".compared:nth-child(2) input[type=checkbox]")
    wait_until(lambda: text_of(page, "molecule-title") == "state 1, mean")
    settle(page)
    assert count_of_pixels(page, "surface", ORANGE) < 20
    press(page, ".compared:nth-child(1) input[type=checkbox]")
    settle(page)
    assert page.execute_script("return gem.compare.shown.length") == 1, "the last one stays"
    press(page, ".compared:nth-child(2) input[type=checkbox]")
    settle(page)
    choose(page, "level-unit", "sigma")
    wait_until(lambda: text_of(page, "level-text").endswith("σ"))
    sigmas = page.execute_script(
        "return [...document.querySelectorAll('.compared-level')].map((one) => one.textContent)"
    )
    assert len(sigmas) == 2
    assert len(set(sigmas)) == 1, "each map at as many of its own sigma"
    press(page, "#compare-variability")
    wait_until(lambda: "standard deviation over particles" in text_of(page, "compare-legend"))
    settle(page)
    press(page, "#compare-chimerax")
    wait_until(lambda: "Open it with: chimerax" in text_of(page, "message"))
    script = explorer.run.explore.chimerax("comparison") / "compare.cxc"
    assert str(script) in text_of(page, "message")
    levels = [float(one) for one in re.findall(r"level (\S+)", script.read_text(encoding="utf-8"))]
    shown = page.execute_script(
        "const { levels } = gem.molecule; return gem.compare.entries.map((one) => levels.densityOf(levels.bytesFor(one.mapSigma), {}))"
    )
    np.testing.assert_allclose(levels, shown, rtol=1e-3)


def test_a_basket_that_is_changed_later_says_so_in_the_comparison(page: Page) -> None:
    settle(page)
    page.execute_script("gem.selection.select([1, 2, 3], 'new')")
    name = page.execute_script("return gem.baskets.active.name")
    add(page, f"basket: {name}")
    colour = page.execute_script("return [gem.compare.entries[0].colour, gem.baskets.active.colour]")
    assert colour[0] == colour[1]
    assert "as it was" not in text_of(page, "compare-list")
    page.execute_script("gem.selection.select([7], 'add')")
    wait_until(lambda: "(as it was when added)" in text_of(page, "compare-list"))
    press(page, '.compared button[aria-label^="remove"]')
    wait_until(lambda: text_of(page, "compare-list") == "")


def test_views_reset_cutting_plane_and_pictures_of_print_size(page: Page) -> None:
    settle(page)
    orientation = "return gem.molecule.view.orientation()"
    first = np.array(page.execute_script(orientation))
    whole = picture(page)
    assert max(whole.shape) == 2000
    on_screen = count_of_pixels(page, "surface", "b > r + 30")
    side = page.execute_script("return gem.molecule.view.canvas.width")
    in_picture = int((whole[..., 2] > whole[..., 0] + 30).sum())
    assert abs(in_picture / on_screen * (side / 2000) ** 2 - 1) < 0.1, "the same view, only larger"
    seen = []
    for axis in "xyz":
        press(page, f'#view-buttons [data-axis="{axis}"]')
        seen.append(tuple(np.round(page.execute_script(orientation), 3)))
    assert len(set(seen)) == 3
    set_range(page, "clip", 50)
    assert text_of(page, "clip-text") == "50 %"
    cut = picture(page)
    set_range(page, "clip", 0)
    assert np.abs(cut - picture(page)).max() > 30
    press(page, "#view-buttons button:last-child")
    np.testing.assert_allclose(page.execute_script(orientation), first, atol=1e-4)
    assert np.abs(picture(page) - whole).mean() < 0.5


def test_plot_and_view_are_saved_as_png_and_svg(page: Page) -> None:
    settle(page)
    page.execute_script(DOWNLOADS)
    for button in ("plot-png", "plot-svg", "view-png"):
        press(page, f"#{button}")
    (plot, png), (drawing, address), (view, _) = page.execute_script("return window.downloaded")
    assert (plot[-4:], drawing[-4:], view[-4:]) == (".png", ".svg", ".png")
    image = Image.open(io.BytesIO(base64.b64decode(png.split(",")[1])))
    assert max(image.size) == 2000
    text = wait_until(lambda: page.execute_script("return window.svgText"))
    drawing_root = ElementTree.fromstring(text)
    names = [one.tag.split("}")[1] for one in drawing_root.iter()]
    assert names.count("image") == 1, "the particles"
    assert names.count("text") > 6, "axes that can be edited"
    assert address.startswith("blob:")


def waypoints(page: Page) -> Any:
    return page.execute_script("return gem.trajectory.waypoints")


def test_waypoints_are_dragged_and_moved_and_removed_with_keys(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    settle(page)
    latents = explorer_source().latents
    angle = np.arctan2(latents[:, 1], latents[:, 0])
    rows = [int(np.abs(angle - one).argmin()) for one in (-1.2, 0.1, 1.2, 2.0)]
    page.execute_script("return gem.plot.setAxes('latent_1', 'latent_2', 'state')")
    page.execute_script("gem.trajectory.waypoints = arguments[0]", rows[:3])
    press(page, "#trajectory-create")
    wait_until(lambda: page.execute_script("return gem.trajectory.path"))
    settle(page)
    page.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    assert page.execute_script("return !document.getElementById('path-profile').hidden")
    start, end = pixel_of(page, rows[2]), pixel_of(page, rows[3])
    drag(page, [tuple(start), ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), tuple(end)])
    wait_until(lambda: waypoints(page)[2] != rows[2] and page.execute_script("return gem.trajectory.path"))
    moved = waypoints(page)[2]
    reached = np.array(pixel_of(page, moved)) - end
    assert np.hypot(*reached) < 15
    assert page.execute_script("return gem.trajectory.path.rows.at(-1)") == moved, "the path follows"
    assert page.execute_script("return gem.selection.rows().length") == 0
    settle(page)
    show_tab(page, "path")
    button = page.find_elements("css selector", "#waypoint-list button")[0]
    button.send_keys(Keys.ARROW_RIGHT)
    wait_until(lambda: waypoints(page)[0] != rows[0] and page.execute_script("return gem.trajectory.path"))
    assert pixel_of(page, waypoints(page)[0])[0] > pixel_of(page, rows[0])[0]
    settle(page)
    page.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    page.find_elements("css selector", "#waypoint-list button")[1].send_keys(Keys.DELETE)
    wait_until(lambda: len(waypoints(page)) == 2 and page.execute_script("return gem.trajectory.path"))
    assert page.execute_script("return gem.trajectory.path.rows.length") == 20
    press(page, "#undo")
    wait_until(lambda: len(waypoints(page)) == 3)
