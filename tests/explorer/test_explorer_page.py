"""The explorer's page in a real browser: look, colour, lasso, click, drag, save."""

from pathlib import Path

import numpy as np
import pytest
from arm_model import BOX_SIZE, PIXEL_SIZE_IN_ANGSTROMS
from explorer_run import N_PARTICLES, explorer_source
from matplotlib.path import Path as Polygon
from page_actions import Page, count_of_pixels, drag, pixel_of, press, set_range, text_of, wait_until
from PIL import Image
from served_explorer import Explorer, serve


def test_page_loads_without_errors_and_without_other_machines(explorer: Explorer, page: Page) -> None:
    assert text_of(page, "counts") == f"{N_PARTICLES} particles"
    assert count_of_pixels(page, "points", "r + g + b < 700") > N_PARTICLES, "particles are drawn"
    entries = page.execute_script(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    assert entries
    assert {entry.split("/")[2] for entry in entries} == {f"127.0.0.1:{explorer.port}"}
    errors = [line for line in page.get_log("browser") if line["level"] == "SEVERE"]
    assert errors == []


def test_wrong_token_shows_what_to_do(explorer: Explorer, browser: Page) -> None:
    browser.get(f"http://127.0.0.1:{explorer.port}/?token=wrong")
    assert "Open the address that `gem-em explore` printed" in browser.page_source


def test_colour_by_another_column(page: Page) -> None:
    orange = "r > 200 && g > 120 && g < 190 && b < 60"
    assert count_of_pixels(page, "points", orange) > 50, "state 2"
    page.execute_script(
        "const s = document.getElementById('axis-colour'); s.value = 'latent_1'; s.onchange()"
    )
    wait_until(lambda: page.execute_script("return gem.chosen.colour.name === 'latent_1'"))
    wait_until(lambda: count_of_pixels(page, "points", orange) == 0)
    yellow_end, violet_end = "r > 220 && g > 200 && b < 90", "r < 90 && g < 50 && b > 70 && b < 140"
    assert count_of_pixels(page, "points", yellow_end) > 50
    assert count_of_pixels(page, "points", violet_end) > 50


def test_lasso_selects_what_is_inside_and_the_saved_file_holds_the_same(
    explorer: Explorer, page: Page
) -> None:
    press(page, "[data-tool=lasso]")
    corners = [(120.0, 90.0), (420.0, 60.0), (520.0, 330.0), (250.0, 420.0), (140.0, 300.0)]
    drag(page, corners)
    wait_until(
        lambda: "selected" in text_of(page, "selected-count") and text_of(page, "selected-count")[0] != "n"
    )
    selected = page.execute_script("return Array.from(selectedRows(gem.cloud))")
    pixels = np.array([pixel_of(page, row) for row in range(N_PARTICLES)])
    overlay = page.execute_script(
        "const o = document.getElementById('overlay'); return [o.clientWidth, o.clientHeight]"
    )
    drawn = [
        (round(x - overlay[0] / 2) + overlay[0] // 2, round(y - overlay[1] / 2) + overlay[1] // 2)
        for x, y in corners
    ]
    inside = Polygon(drawn).contains_points(pixels, radius=0)
    near_edge = Polygon(drawn).contains_points(pixels, radius=3) != Polygon(drawn).contains_points(
        pixels, radius=-3
    )
    is_selected = np.isin(np.arange(N_PARTICLES), selected)
    assert 10 < is_selected.sum() < N_PARTICLES
    np.testing.assert_array_equal(is_selected[~near_edge], inside[~near_edge])
    page.execute_script("document.getElementById('selection-name').value = 'lassoed'")
    press(page, "#save-particles")
    wait_until(lambda: "particles saved" in text_of(page, "message"))
    star = (explorer.run.explore / "lassoed.star").read_text()
    names = [line.split()[0] for line in star.splitlines() if "@" in line]
    assert sorted(names) == [f"{row + 1:06d}@stack.mrcs" for row in sorted(selected)]


def test_box_adds_and_removes(page: Page) -> None:
    press(page, "[data-tool=box]")
    width, height = page.execute_script(
        "const o = document.getElementById('overlay'); return [o.clientWidth, o.clientHeight]"
    )
    drag(page, [(60, 14), (width / 2, height - 50)])
    left = set(page.execute_script("return Array.from(selectedRows(gem.cloud))"))
    press(page, "[data-mode=add]")
    drag(page, [(width / 2, 14), (width - 14, height - 50)])
    assert page.execute_script("return selectedRows(gem.cloud).length") > len(left) > 50
    press(page, "[data-mode=remove]")
    drag(page, [(60, 14), (width / 2, height - 50)])
    rest = set(page.execute_script("return Array.from(selectedRows(gem.cloud))"))
    assert rest
    assert not rest & left
    press(page, "#select-invert")
    inverted = set(page.execute_script("return Array.from(selectedRows(gem.cloud))"))
    assert inverted == set(range(N_PARTICLES)) - rest


def test_click_shows_the_molecule_its_sections_and_its_image(page: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    row = page.execute_script(
        "return gem.cloud.nearest(...gem.cloud.toPixel(gem.cloud.x[42], gem.cloud.y[42]))"
    )
    overlay = page.execute_script("return document.getElementById('overlay')")
    x, y = pixel_of(page, row)
    size = overlay.size
    ActionChains(page).move_to_element_with_offset(
        overlay, round(x - size["width"] / 2), round(y - size["height"] / 2)
    ).click().perform()
    wait_until(lambda: text_of(page, "molecule-title").startswith("particle row"))
    wait_until(lambda: text_of(page, "particle-facts"))
    clicked = page.execute_script("return gem.clicked")
    assert np.hypot(*(np.array(pixel_of(page, clicked)) - [x, y])) < 3
    latents = page.execute_script("return gem.molecule.latents")
    np.testing.assert_allclose(latents, explorer_source().latents[clicked], atol=1e-5)
    assert count_of_pixels(page, "surface", "b > r + 20") > 3000, "a blue surface"
    widths = page.execute_script("return gem.molecule.pictures.map((canvas) => canvas.width)")
    assert widths == [BOX_SIZE, BOX_SIZE]
    facts = text_of(page, "particle-facts")
    assert "state" in facts


def test_surface_encloses_the_density_above_the_level(page: Page) -> None:
    """Volume by the divergence theorem against the number of voxels: also a test that all triangles face outwards."""
    page.execute_script("gem.molecule.decode({ row: 3 }, 'x')")
    wait_until(lambda: page.execute_script("return Boolean(gem.molecule.volume)"))
    enclosed, n_voxels = page.execute_script(
        """const n = gem.molecule.model.windowSize, level = 30, s = surfaceNet(gem.molecule.volume, n, level - 0.5);
        let enclosed = 0; const p = (v, a) => s.places[3 * v + a] - n / 2;
        for (let t = 0; t < s.triangles.length; t += 3) {
          const [a, b, c] = s.triangles.slice(t, t + 3);
          enclosed += (p(a,0) * (p(b,1) * p(c,2) - p(b,2) * p(c,1)) + p(a,1) * (p(b,2) * p(c,0) - p(b,0) * p(c,2))
            + p(a,2) * (p(b,0) * p(c,1) - p(b,1) * p(c,0))) / 6;
        }
        return [enclosed, gem.molecule.volume.filter((value) => value >= level).length];"""
    )
    assert enclosed == pytest.approx(n_voxels, rel=0.25)
    smaller = page.execute_script("return gem.molecule.view.meshes[0].surface.triangles.length")
    set_range(page, "level", 120)
    assert page.execute_script("return gem.molecule.view.meshes[0].surface.triangles.length") < smaller


def test_surface_turns_under_the_mouse(page: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    page.execute_script("gem.molecule.decode({ row: 3 }, 'x')")
    wait_until(lambda: page.execute_script("return Boolean(gem.molecule.volume)"))
    before = page.execute_script("return gem.molecule.view.turn")
    surface = page.execute_script("return document.getElementById('surface')")
    ActionChains(page).drag_and_drop_by_offset(surface, 80, 30).perform()
    after = np.array(page.execute_script("return gem.molecule.view.turn")).reshape(3, 3)
    assert not np.allclose(after.ravel(), before)
    np.testing.assert_allclose(after @ after.T, np.eye(3), atol=1e-6)


def test_the_molecule_moves_while_the_path_is_dragged(explorer: Explorer, page: Page) -> None:
    latents = explorer_source().latents
    angle = np.arctan2(latents[:, 1], latents[:, 0])
    ends = [int(np.abs(angle - wanted).argmin()) for wanted in (-0.8, 0.8)]
    page.execute_script("gem.travel.anchors = arguments[0]", ends)
    press(page, "#path-make")
    wait_until(
        lambda: page.execute_script("return gem.travel.path && gem.molecule.volume && !gem.molecule.isBusy")
    )
    first = page.execute_script("return Array.from(gem.molecule.volume)")
    for place in (0.3, 0.6, 1.0):
        set_range(page, "path-place", place)
    wait_until(
        lambda: np.allclose(page.execute_script("return gem.molecule.latents"), latents[ends[1]], atol=1e-4)
    )
    last = page.execute_script("return Array.from(gem.molecule.volume)")
    assert np.corrcoef(first, last)[0, 1] < 0.98, "the arm has turned"
    page.execute_script("document.getElementById('path-name').value = 'turn'")
    press(page, "#save-maps")
    wait_until(lambda: "maps saved" in text_of(page, "message"))
    assert len(list((explorer.run.explore / "turn").glob("vol_*.mrc"))) == 20
    press(page, "#save-movie")
    wait_until(lambda: "movie saved" in text_of(page, "message"))
    with Image.open(explorer.run.explore / "turn.gif") as film:
        assert getattr(film, "n_frames", 1) == 38
        frames = []
        for number in (0, 19):
            film.seek(number)
            frames.append(np.asarray(film.convert("L"), float))
    assert np.abs(frames[0] - frames[1]).mean() > 1, "the frames differ"


@pytest.mark.parametrize("kind", ["straight", "on data", "through neighbours", "least energy"])
def test_every_kind_of_path_is_made_in_the_page(page: Page, kind: str) -> None:
    latents = explorer_source().latents
    angle = np.arctan2(latents[:, 1], latents[:, 0])
    ends = [int(np.abs(angle - wanted).argmin()) for wanted in (-0.6, 0.6)]
    page.execute_script("gem.travel.anchors = arguments[0]; gem.travel.path = null", ends)
    page.execute_script("document.getElementById('path-kind').value = arguments[0]", kind)
    press(page, "#path-make")
    path = wait_until(lambda: page.execute_script("return gem.travel.path"))
    for end, anchor in ((0, ends[0]), (-1, ends[1])):
        assert np.linalg.norm(np.array(path["latents"][end]) - latents[anchor]) < 0.35
    assert not page.execute_script("return document.getElementById('path-place').disabled")


def test_the_users_own_table_is_an_axis_and_a_colour(
    explorer: Explorer, browser: Page, tmp_path: Path
) -> None:
    table = tmp_path / "own.csv"
    table.write_text("score\n" + "".join(f"{row / 10}\n" for row in range(N_PARTICLES)))
    for served in serve(explorer.run, table):
        browser.get(served.address)
        wait_until(lambda: browser.execute_script("return window.gemIsReady === true"))
        browser.execute_script("return gem.setAxes('own_score', 'latent_1', 'own_score')")
        wait_until(lambda: browser.execute_script("return gem.chosen.x.name === 'own_score'"))
        drawn = browser.execute_script("return Array.from(gem.cloud.x)")
        np.testing.assert_allclose(drawn, np.arange(N_PARTICLES) / 10, atol=1e-4)


def test_anchors_are_picked_by_clicking(page: Page) -> None:
    press(page, "#anchors")
    for row in (10, 20):
        x, y = pixel_of(page, row)
        page.execute_script("return gem.click(arguments[0], arguments[1])", x, y)
    assert page.execute_script("return gem.travel.anchors.length") == 2


def test_the_graphics_card_and_our_own_loops_draw_the_same(explorer: Explorer, browser: Page) -> None:
    blue, orange = "b > r + 60 && b > 120", "r > 200 && g > 120 && g < 190 && b < 60"
    found = {}
    for painter in ("webgl", "pixels"):
        browser.get(f"{explorer.address}&points={painter}&surface={painter}")
        wait_until(lambda: browser.execute_script("return window.gemIsReady === true"))
        kinds = browser.execute_script(
            "return [gem.cloud.painter.constructor.name, gem.molecule.view.painter.constructor.name]"
        )
        browser.execute_script("gem.molecule.view.zoom = 1.5; gem.molecule.view.draw(); gem.drawNow()")
        counts = [
            count_of_pixels(browser, "points", orange),
            count_of_pixels(browser, "surface", "b > r + 20"),
        ]
        browser.execute_script(
            "gem.select(Array.from(gem.cloud.flags.keys()).filter((row) => row % 3 === 0), 'new'); gem.drawNow()"
        )
        counts.append(count_of_pixels(browser, "points", blue))
        found[painter] = (kinds, counts)
    assert found["webgl"][0] == ["WebGlPoints", "WebGlSurfaces"]
    assert found["pixels"][0] == ["PixelPoints", "PixelSurfaces"]
    np.testing.assert_allclose(found["pixels"][1], found["webgl"][1], rtol=0.25)
    assert min(found["webgl"][1]) > 100


def test_a_molecule_and_its_size_are_seen_before_any_click(page: Page) -> None:
    assert text_of(page, "molecule-title").startswith("particle row 0")
    assert count_of_pixels(page, "surface", "b > r + 20") > 3000
    length = float(text_of(page, "scale-bar").split()[0])
    drawn = page.execute_script("return document.getElementById('scale-bar').offsetWidth")
    side = page.execute_script("return document.getElementById('surface').clientWidth")
    window_in_angstroms = (
        page.execute_script("return gem.molecule.model.windowSize") * PIXEL_SIZE_IN_ANGSTROMS
    )
    assert drawn / side * window_in_angstroms / 0.95 == pytest.approx(length, rel=0.05)


def test_histogram_ranges_and_legend_toggles_hide(page: Page) -> None:
    values = explorer_source().latents[:, 0]
    page.execute_script("return gem.addFilter('latent_1')")
    page.execute_script("gem.filters[0].setRange(0, 10)")
    shown = int((values >= 0).sum())
    assert text_of(page, "counts") == f"{shown} of {N_PARTICLES} particles shown"
    press(page, "#select-shown")
    assert text_of(page, "selected-count") == f"{shown} selected"
    press(page, "#legend [data-group='1']")
    fewer = page.execute_script("return selectedRows(gem.cloud).length")
    assert 0 < fewer < shown
    press(page, ".filter button")
    assert page.execute_script("return gem.filters.length") == 0


def test_messages_of_the_server_are_shown(page: Page) -> None:
    press(page, "#select-none")
    press(page, "#save-particles")
    wait_until(lambda: "selection is empty" in text_of(page, "message"))
    assert page.execute_script("return document.getElementById('message').classList.contains('error')")
