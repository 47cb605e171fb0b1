"""The explorer's page in a real browser: look, colour, lasso, click, drag, save."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from arm_model import BOX_SIZE, PIXEL_SIZE_IN_ANGSTROMS
from explorer_run import N_PARTICLES, explorer_source
from matplotlib.path import Path as Polygon
from page_actions import (
    Page,
    count_of_pixels,
    drag,
    open_page,
    pixel_of,
    press,
    set_range,
    settle,
    text_of,
    triangles,
    wait_until,
)
from PIL import Image
from served_explorer import Explorer, serve


def test_page_loads_without_errors_and_without_other_machines(explorer: Explorer, browser: Page) -> None:
    browser.get_log("browser")  # forgets what earlier tests provoked
    page = open_page(browser, explorer)
    settle(page)
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
    wait_until(lambda: page.execute_script("return gem.plot.chosen.colour.name === 'latent_1'"))
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
    selected = page.execute_script("return Array.from(gem.selection.rows())")
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
    star = (explorer.run.explore.root / "lassoed.star").read_text()
    names = [line.split()[0] for line in star.splitlines() if "@" in line]
    assert sorted(names) == [f"{row + 1:06d}@stack.mrcs" for row in sorted(selected)]


def test_box_adds_and_removes(page: Page) -> None:
    press(page, "[data-tool=box]")
    width, height = page.execute_script(
        "const o = document.getElementById('overlay'); return [o.clientWidth, o.clientHeight]"
    )
    drag(page, [(60, 14), (width / 2, height - 50)])
    left = set(page.execute_script("return Array.from(gem.selection.rows())"))
    press(page, "[data-mode=add]")
    drag(page, [(width / 2, 14), (width - 14, height - 50)])
    assert page.execute_script("return gem.selection.rows().length") > len(left) > 50
    press(page, "[data-mode=remove]")
    drag(page, [(60, 14), (width / 2, height - 50)])
    rest = set(page.execute_script("return Array.from(gem.selection.rows())"))
    assert rest
    assert not rest & left
    press(page, "#select-invert")
    inverted = set(page.execute_script("return Array.from(gem.selection.rows())"))
    assert inverted == set(range(N_PARTICLES)) - rest


def test_click_shows_the_molecule_its_slices_and_its_image(page: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    row = page.execute_script("return gem.plot.scatter.nearest(...gem.plot.scatter.pixelOf(42), 12)")
    overlay = page.execute_script("return document.getElementById('overlay')")
    x, y = pixel_of(page, row)
    size = overlay.size
    ActionChains(page).move_to_element_with_offset(
        overlay, round(x - size["width"] / 2), round(y - size["height"] / 2)
    ).click().perform()
    clicked = page.execute_script("return gem.plot.markedRow")
    wait_until(lambda: page.execute_script("return gem.molecule.presented?.row") == clicked)
    settle(page)
    assert text_of(page, "molecule-title").startswith(f"particle row {clicked}")
    assert np.hypot(*(np.array(pixel_of(page, clicked)) - [x, y])) < 3
    latents = page.execute_script("return gem.molecule.subject.latents")
    np.testing.assert_allclose(latents, explorer_source().latents[clicked], atol=1e-5)
    assert count_of_pixels(page, "surface", "b > r + 20") > 3000, "a blue surface"
    widths = page.execute_script("return gem.molecule.images.map((canvas) => canvas.width)")
    assert widths == [BOX_SIZE, BOX_SIZE]
    facts = text_of(page, "particle-facts")
    assert "state" in facts
    certainty = text_of(page, "particle-certainty")
    assert re.match(
        r"uncertainty of its latents: 0\.10 latent units \(typical 0\.10\); in state \d \(.+\) with",
        certainty,
    )
    assert certainty.endswith("probability to be an outlier: not measured")


def test_surface_encloses_the_density_above_the_level(page: Page) -> None:
    """Volume by the divergence theorem against the number of voxels: also a test of place, scale and facing."""
    page.execute_script("gem.molecule.showParticle(3, 'x')")
    wait_until(lambda: text_of(page, "molecule-title") == "x")
    set_range(page, "level", 30)
    settle(page)
    enclosed, middle, n_voxels, mean = page.execute_script(
        """const { view, model, subject: { volume } } = gem.molecule, n = model.windowSize;
        const { geometry } = view.components[0].reprList[0].repr.bufferList[0], p = geometry.attributes.position.array, t = geometry.index.array;
        let enclosed = 0; const middle = [0, 0, 0];
        for (let i = 0; i < t.length; i += 3) {
          const [a, b, c] = [t[i], t[i + 1], t[i + 2]].map((v) => [p[3 * v], p[3 * v + 1], p[3 * v + 2]]);
          const part = (a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) + a[2] * (b[0] * c[1] - b[1] * c[0])) / 6;
          enclosed += part;
          for (let k = 0; k < 3; k++) middle[k] += (part * (a[k] + b[k] + c[k])) / 4;
        }
        let inside = 0; const sum = [0, 0, 0];
        volume.forEach((value, i) => { if (value >= 30) { inside++; sum[0] += i % n; sum[1] += Math.floor(i / n) % n; sum[2] += Math.floor(i / n / n); } });
        return [enclosed, middle.map((one) => one / enclosed), inside, sum.map((one) => (one / inside + model.windowFirst) * model.pixelSize)];"""
    )
    assert abs(enclosed) == pytest.approx(n_voxels * PIXEL_SIZE_IN_ANGSTROMS**3, rel=0.25)
    np.testing.assert_allclose(
        middle, mean, atol=0.5 * PIXEL_SIZE_IN_ANGSTROMS, err_msg="in the frame of the map"
    )
    many = triangles(page)
    set_range(page, "level", 120)
    settle(page)
    assert 0 < triangles(page) < many


def test_the_side_of_the_surface_that_is_drawn_is_the_outer_one(page: Page) -> None:
    settle(page)
    pictures = []
    for side in ("double", "back", "front"):
        page.execute_script(
            "gem.molecule.view.components[0].reprList[0].setParameters({ side: arguments[0] })", side
        )
        wait_until(lambda: page.execute_script("return gem.molecule.view.stage.tasks.count === 0"))
        content = page.execute_script("return gem.molecule.view.picture()").split(",")[1]
        pictures.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("L"), float))
    both, ours, inner = pictures
    assert np.abs(both - ours).mean() < 0.1 * np.abs(both - inner).mean()


def test_surface_turns_under_the_mouse_and_keeps_its_view(page: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    settle(page)
    view = "return gem.molecule.view.stage.viewerControls.getOrientation().elements"
    before = page.execute_script(view)
    surface = page.execute_script("return document.getElementById('surface')")
    seen = page.execute_script("return gem.molecule.view.picture()")
    ActionChains(page).drag_and_drop_by_offset(surface, 80, 30).perform()
    wait_until(lambda: not np.allclose(page.execute_script(view), before))
    assert page.execute_script("return gem.molecule.view.picture()") != seen
    turned = page.execute_script(view)
    page.execute_script("return gem.molecule.showParticle(9, 'another')")
    settle(page)
    np.testing.assert_allclose(
        page.execute_script(view), turned, err_msg="the next molecule is seen from the same side"
    )


def test_sections_move_with_their_slider(page: Page) -> None:
    settle(page)
    picture = "return document.querySelector('#slices canvas').toDataURL()"
    middle = page.execute_script(picture)
    set_range(page, "slice-position", 0.35)
    assert page.execute_script(picture) != middle
    expected = (
        int(0.35 * page.execute_script("return gem.molecule.model.windowSize"))
        - page.execute_script("return gem.molecule.model.windowSize") / 2
    ) * PIXEL_SIZE_IN_ANGSTROMS
    assert float(text_of(page, "slice-text").split()[0]) == pytest.approx(expected, abs=0.5)


def test_the_users_own_atoms_are_seen_inside_the_surface(page: Page, tmp_path: Path) -> None:
    settle(page)
    model = tmp_path / "own model.pdb"
    middle = BOX_SIZE // 2 * PIXEL_SIZE_IN_ANGSTROMS
    backbone = (("N", 0.0, 0.0), ("CA", 1.2, 0.8), ("C", 2.45, 0.0), ("O", 2.45, -1.2))
    model.write_text(
        "".join(
            f"ATOM  {4 * i + j + 1:5d}  {name:<3} ALA A{i + 1:4d}    "
            f"{middle + 3.8 * (i - 15) + x:8.3f}{middle + y:8.3f}{middle:8.3f}  1.00  0.00           {name[0]}\n"
            for i in range(30)
            for j, (name, x, y) in enumerate(backbone)
        )
        + "END\n"
    )
    opaque = "r < 110 && b > r + 40"
    before = count_of_pixels(page, "surface", opaque)
    page.find_element("id", "atoms-file").send_keys(str(model))
    wait_until(lambda: text_of(page, "message") == "120 atoms of own model.pdb, moved with each molecule.")
    assert page.execute_script("return gem.molecule.view.atoms.component.structure.atomCount") == 120
    assert count_of_pixels(page, "surface", opaque) < 0.3 * before, "the surface has become transparent"
    assert count_of_pixels(page, "surface", "r < 130 && g < 130") > 100, (
        "a thin coil, longer than the molecule"
    )
    wrong = tmp_path / "wrong.pdb"
    wrong.write_text("nothing\n")
    page.find_element("id", "atoms-file").send_keys(str(wrong))
    wait_until(lambda: "wrong.pdb holds no atoms" in text_of(page, "message"))


def test_the_molecule_moves_while_the_path_is_dragged(explorer: Explorer, page: Page) -> None:
    latents = explorer_source().latents
    angle = np.arctan2(latents[:, 1], latents[:, 0])
    ends = [int(np.abs(angle - wanted).argmin()) for wanted in (-0.8, 0.8)]
    page.execute_script("gem.trajectory.waypoints = arguments[0]", ends)
    press(page, "#trajectory-create")
    wait_until(
        lambda: page.execute_script(
            "return gem.trajectory.path && gem.molecule.subject && !gem.molecule.isBusy"
        )
    )
    first = page.execute_script("return Array.from(gem.molecule.subject.volume)")
    for place in (0.3, 0.6, 1.0):
        set_range(page, "trajectory-position", place)
    wait_until(
        lambda: np.allclose(
            page.execute_script("return gem.molecule.subject.latents"), latents[ends[1]], atol=1e-4
        )
    )
    last = page.execute_script("return Array.from(gem.molecule.subject.volume)")
    assert np.corrcoef(first, last)[0, 1] < 0.98, "the arm has turned"
    page.execute_script("document.getElementById('trajectory-name').value = 'turn'")
    press(page, "#save-maps")
    wait_until(lambda: "maps saved" in text_of(page, "message"))
    assert len(list((explorer.run.explore.root / "turn").glob("vol_*.mrc"))) == 20
    press(page, "#save-movie")
    wait_until(lambda: "movie saved" in text_of(page, "message"))
    with Image.open(explorer.run.explore.root / "turn.gif") as film:
        assert getattr(film, "n_frames", 1) == 38
        frames = []
        for number in (0, 19):
            film.seek(number)
            frames.append(np.asarray(film.convert("L"), float))
    assert np.abs(frames[0] - frames[1]).mean() > 1, "the frames differ"


@pytest.mark.parametrize("kind", ["straight", "on data", "through neighbours", "minimum energy"])
def test_every_kind_of_path_is_made_in_the_page(page: Page, kind: str) -> None:
    latents = explorer_source().latents
    angle = np.arctan2(latents[:, 1], latents[:, 0])
    ends = [int(np.abs(angle - wanted).argmin()) for wanted in (-0.6, 0.6)]
    page.execute_script("gem.trajectory.waypoints = arguments[0]; gem.trajectory.path = null", ends)
    page.execute_script("document.getElementById('trajectory-kind').value = arguments[0]", kind)
    press(page, "#trajectory-create")
    path = wait_until(lambda: page.execute_script("return gem.trajectory.path"))
    for end, waypoint in ((0, ends[0]), (-1, ends[1])):
        np.testing.assert_allclose(path["latents"][end], latents[waypoint], atol=1e-6)
    assert not page.execute_script("return document.getElementById('trajectory-position').disabled")


def test_the_users_own_table_is_an_axis_and_a_colour(
    explorer: Explorer, browser: Page, tmp_path: Path
) -> None:
    table = tmp_path / "own.csv"
    table.write_text("score\n" + "".join(f"{row / 10}\n" for row in range(N_PARTICLES)))
    for served in serve(explorer.run, table):
        open_page(browser, served)
        browser.execute_script("return gem.plot.setAxes('own_score', 'latent_1', 'own_score')")
        wait_until(lambda: browser.execute_script("return gem.plot.chosen.x.name === 'own_score'"))
        drawn = browser.execute_script("return Array.from(gem.plot.scatter.x)")
        np.testing.assert_allclose(drawn, np.arange(N_PARTICLES) / 10, atol=1e-4)


def test_waypoints_are_picked_by_clicking(page: Page) -> None:
    press(page, "#waypoints")
    for row in (10, 20):
        x, y = pixel_of(page, row)
        page.execute_script("return gem.click(arguments[0], arguments[1])", x, y)
    assert page.execute_script("return gem.trajectory.waypoints.length") == 2


def test_the_graphics_card_and_our_own_loop_draw_the_same_points(explorer: Explorer, browser: Page) -> None:
    blue, orange = "b > r + 60 && b > 120", "r > 200 && g > 120 && g < 190 && b < 60"
    found = {}
    for painter in ("webgl", "pixels"):
        browser.get(f"{explorer.address}&points={painter}")
        wait_until(lambda: browser.execute_script("return window.gemIsReady === true"))
        kind = browser.execute_script("return gem.plot.scatter.painter.constructor.name")
        counts = [count_of_pixels(browser, "points", orange)]
        browser.execute_script(
            "gem.selection.select(Array.from(gem.plot.scatter.flags.keys()).filter((row) => row % 3 === 0), 'new'); gem.plot.scatter.draw()"
        )
        counts.append(count_of_pixels(browser, "points", blue))
        found[painter] = (kind, counts)
    assert (found["webgl"][0], found["pixels"][0]) == ("WebGlPoints", "PixelPoints")
    np.testing.assert_allclose(found["pixels"][1], found["webgl"][1], rtol=0.25)
    assert min(found["webgl"][1]) > 100


def test_a_molecule_and_its_size_are_seen_before_any_click(page: Page) -> None:
    assert text_of(page, "molecule-title").startswith("particle row 0")
    assert count_of_pixels(page, "surface", "b > r + 20") > 3000
    length = float(text_of(page, "scale-bar").split()[0])
    drawn = page.execute_script("return document.getElementById('scale-bar').offsetWidth")
    ends = page.execute_script(
        """const { stage, element } = gem.molecule.view, { viewerControls, viewer } = stage;
        return [0, 100].map((x) => { const at = viewerControls.getPositionOnCanvas(new NGL.Vector3(x, 0, 0)); return [at.x, at.y]; });"""
    )
    assert drawn / np.linalg.norm(np.subtract(*ends)) * 100 == pytest.approx(length, rel=0.05), (
        "seen along y: x lies across"
    )


def test_histogram_ranges_and_legend_toggles_hide(page: Page) -> None:
    values = explorer_source().latents[:, 0]
    page.execute_script("return gem.plot.addFilter('latent_1')")
    page.execute_script("gem.plot.filters[0].setRange(0, 10)")
    shown = int((values >= 0).sum())
    assert text_of(page, "counts") == f"{shown} of {N_PARTICLES} particles shown"
    press(page, "#select-shown")
    assert text_of(page, "selected-count") == f"{shown} particles selected"
    press(page, "#legend [data-group='1']")
    fewer = page.execute_script("return gem.selection.rows().length")
    assert 0 < fewer < shown
    press(page, ".filter button")
    assert page.execute_script("return gem.plot.filters.length") == 0


def test_messages_of_the_server_are_shown(page: Page) -> None:
    press(page, "#select-none")
    press(page, "#save-particles")
    wait_until(lambda: "selection is empty" in text_of(page, "message"))
    assert page.execute_script("return document.getElementById('message').classList.contains('error')")
