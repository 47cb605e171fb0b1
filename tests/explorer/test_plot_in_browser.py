"""The explorer's plot in a real browser, with a real mouse: what lies under the points, shapes, tips, columns of the file, two planes, the cut."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from explorer_run import N_PARTICLES, explorer_source, make_explorer_run
from page_actions import (
    Page,
    choose,
    count_of_pixels,
    drag,
    open_page,
    pixel_of,
    press,
    set_range,
    settle,
    show_tab,
    text_of,
    wait_until,
)
from plot_actions import add_columns, drag_on, draw, is_hidden, move_to, saved_svg, show
from served_explorer import Explorer, serve

from gem_plugin.results.run import Run

N_MICROGRAPHS = 60
PROBABILITIES = np.arange(N_PARTICLES)[::-1] / N_PARTICLES  # the file holds the rows of the run backwards
FOUND: dict[str, list[int]] = {}  # pixels, by the painter that was first
INK = "r + g + b < 690"


@pytest.fixture(scope="module")
def run_with_texts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    """The particle file has micrographs whose names hold HTML, classes, a probability, nothing, a constant, and 300 columns more."""
    folder = tmp_path_factory.mktemp("texts")
    run = make_explorer_run(folder)
    star = Run(run).origin.particle_file
    add_columns(
        star,
        {
            "rlnMicrographName": lambda row: f"<img/src=x>&{row % N_MICROGRAPHS:03d}.mrc",
            "rlnClassNumber": lambda row: str(1 + row % 4),
            "rlnMaxValueProb": lambda row: f"{row / N_PARTICLES:.4f}",
            "ownNothing": lambda row: "nan",
            "ownConstant": lambda row: "2.5",
            **{f"own{index}": lambda row: "0.5" for index in range(300)},
        },
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "decoder", lambda *_: explorer_source())
        yield from serve(run)


@pytest.fixture(scope="module")
def texts(run_with_texts: Explorer, browser: Any) -> Page:
    """One page of that run, its columns offered."""
    page = open_page(browser, run_with_texts)
    settle(page)
    wait_until(lambda: page.execute_script("return Boolean(gem.plot.columns.file)"))
    return page


def test_density_contours_and_energy_lie_under_the_points_of_any_plane(texts: Page) -> None:
    show(texts, "latent_1", "latent_2", "state")
    inks = {}
    for kind in ("nothing", "density", "contours", "energy (kT)"):
        choose(texts, "under-points", kind)
        draw(texts)
        inks[kind] = count_of_pixels(texts, "points", INK)
        wait_until(lambda kind=kind: is_hidden(texts, "under-legend") == (kind == "nothing"))
        texts.execute_script("gem.plot.look.showUnder()")
        wait_until(lambda kind=kind: kind == "nothing" or text_of(texts, "under-legend"))
    assert inks["nothing"] < inks["contours"] < inks["density"]
    assert inks["energy (kT)"] > 20 * inks["nothing"]
    wait_until(lambda: "kT" in text_of(texts, "under-legend"))
    field = "return gem.plot.scatter.under.field.count"
    assert texts.execute_script(field) > 0.97 * N_PARTICLES
    show(texts, "defocus", "tilt", "state")
    draw(texts)
    assert count_of_pixels(texts, "points", INK) > 20 * inks["nothing"], "another plane has its own"
    press(texts, "#legend [data-group='1']")
    draw(texts)
    shown = texts.execute_script("return gem.plot.scatter.flags.filter((flag) => flag & 1).length")
    assert 0.9 * shown < texts.execute_script(field) <= shown, "it follows the shown particles"
    press(texts, "#legend [data-group='1']")
    choose(texts, "under-points", "nothing")


def test_size_opacity_shapes_and_numbers_are_chosen_and_undone(texts: Page) -> None:
    show(texts, "latent_1", "latent_2", "state")
    draw(texts)
    full = count_of_pixels(texts, "points", "r + g + b < 500")
    set_range(texts, "point-opacity", 0.3)
    draw(texts)
    assert count_of_pixels(texts, "points", "r + g + b < 500") < 0.3 * full
    set_range(texts, "point-opacity", 1)
    set_range(texts, "point-size", 12)
    draw(texts)
    assert count_of_pixels(texts, "points", INK) > 1.8 * full
    before = texts.execute_script("return gem.plot.scatter.painter.pixels.join()")
    press(texts, "#point-shapes")
    draw(texts)
    assert texts.execute_script("return gem.plot.scatter.painter.pixels.join()") != before, "circles"
    press(texts, "#point-shapes")
    numbers = count_of_pixels(texts, "overlay", "r < 60 && g < 70 && b < 80")
    press(texts, "#group-numbers")
    draw(texts)
    assert count_of_pixels(texts, "overlay", "r < 60 && g < 70 && b < 80") < numbers, "no numbers"
    texts.execute_script("document.getElementById('undo').click()")
    wait_until(lambda: texts.execute_script("return document.getElementById('group-numbers').checked"))
    shapes = "return Array.from(document.querySelectorAll('#legend .swatch'), (one) => one.dataset.shape)"
    assert texts.execute_script(shapes)[:4] == ["circle", "square", "triangle", "diamond"]
    set_range(texts, "point-size", 3)
    assert texts.execute_script(shapes)[:2] == [None, None], "points are too small for shapes"
    set_range(texts, "point-size", 6)


def test_pointing_at_a_particle_shows_its_values_and_its_image(texts: Page) -> None:
    show(texts, "latent_1", "latent_2", "rlnMaxValueProb")
    draw(texts)
    row = texts.execute_script(
        "const s = gem.plot.scatter; return s.nearest(...s.pixelOf(17), 1)"
    )  # the one on top
    move_to(texts, pixel_of(texts, row))
    wait_until(lambda: not is_hidden(texts, "particle-tip"))
    row = texts.execute_script("return gem.tip.row")
    tip = text_of(texts, "particle-tip")
    latents = explorer_source().latents
    assert f"particle row {row}" in tip
    assert f"latent 1 (latent units): {latents[row, 0]:.4g}" in tip
    assert "rlnMaxValueProb: " in tip
    wait_until(lambda: not is_hidden(texts, "particle-tip-image"))
    assert texts.execute_script("return document.getElementById('particle-tip-image').width") > 8
    assert texts.execute_script("return gem.tip.images.size") >= 1
    move_to(texts, (70, 20))
    wait_until(lambda: is_hidden(texts, "particle-tip"))
    texts.execute_script("gem.tip.hasImages = false; gem.tip.images.clear()")
    move_to(texts, pixel_of(texts, row))
    wait_until(lambda: not is_hidden(texts, "particle-tip"))
    assert is_hidden(texts, "particle-tip-image"), "a run without images"
    texts.execute_script("gem.tip.hasImages = true")


def test_columns_of_the_file_are_axes_colours_and_ranges_on_demand(texts: Page) -> None:
    names = texts.execute_script("return gem.plot.columns.all().length")
    loaded = texts.execute_script("return gem.plot.columns.loaded().filter((one) => one.isOfFile).length")
    assert names > 300
    assert loaded < 10, "only those that were chosen"
    show(texts, "rlnMaxValueProb", "rlnDefocusU", "rlnClassNumber")
    np.testing.assert_allclose(
        texts.execute_script("return Array.from(gem.plot.scatter.x)"),
        PROBABILITIES,
        atol=1e-4,
    )
    assert text_of(texts, "legend") == "1234"
    texts.execute_script("return gem.plot.addFilter('rlnMaxValueProb').then((one) => one.setRange(0.5, 1))")
    assert text_of(texts, "counts") == f"{N_PARTICLES // 2} of {N_PARTICLES} particles shown"
    press(texts, ".filter button")
    show(texts, "latent_1", "latent_2", "rlnMaxValueProb")
    assert text_of(texts, "legend").startswith("0")
    assert texts.execute_script("return Boolean(document.querySelector('#legend .colour-bar'))")


def test_a_text_is_no_axis_and_the_plot_stays_as_it_was(texts: Page) -> None:
    show(texts, "latent_1", "latent_2", "state")
    texts.execute_script(
        "return gem.plot.setAxes('rlnMicrographName', 'latent_2', 'state').catch((error) => gem.say(error.message, true))"
    )
    assert "holds text, which cannot be an axis" in text_of(texts, "message")
    assert texts.execute_script("return gem.plot.names()") == ["latent_1", "latent_2", "state"]
    offered = "return Array.from(document.getElementById(arguments[0]).options, (one) => one.value)"
    assert "rlnMicrographName" not in texts.execute_script(offered, "axis-x")
    assert "rlnMicrographName" in texts.execute_script(offered, "axis-colour")


def test_micrographs_are_a_legend_of_the_commonest_and_others_are_found(texts: Page) -> None:
    choose(texts, "axis-colour", "rlnMicrographName")
    wait_until(lambda: "others (31)" in text_of(texts, "legend"))
    assert "<img/src=x>&000.mrc" in text_of(texts, "legend")
    assert texts.execute_script("return document.querySelectorAll('#legend img').length") == 0
    texts.execute_script(
        "const f = document.querySelector('#category-search input'); f.value = '047.MRC'; f.oninput()"
    )
    wait_until(
        lambda: (
            texts.execute_script("return document.querySelectorAll('#category-search button').length") == 1
        )
    )
    press(texts, "#category-search button")
    wait_until(lambda: "31: <img/src=x>&047.mrc" in text_of(texts, "legend"))
    press(texts, "#legend [data-group='31']")
    hidden = N_PARTICLES // N_MICROGRAPHS
    assert text_of(texts, "counts") == f"{N_PARTICLES - hidden} of {N_PARTICLES} particles shown"
    press(texts, "#legend [data-group='31']")


def test_a_filter_on_texts_hides_groups_as_the_legend_does(texts: Page) -> None:
    show(texts, "latent_1", "latent_2", "state")
    choose(texts, "filter-column", "rlnMicrographName")
    wait_until(lambda: texts.execute_script("return document.querySelectorAll('.category-filter').length"))
    press(texts, ".category-filter header button[title^=hide]")
    assert text_of(texts, "counts") == f"0 of {N_PARTICLES} particles shown"
    press(texts, ".category-filter .items [data-group='2']")
    assert text_of(texts, "counts") == f"{N_PARTICLES // N_MICROGRAPHS} of {N_PARTICLES} particles shown"
    settings = texts.execute_script("return gem.plot.filters[0].settings()")
    assert 2 not in settings["hidden"]
    press(texts, ".category-filter header button[title^=remove]")
    assert text_of(texts, "counts") == f"{N_PARTICLES} particles"


@pytest.mark.parametrize("name", ["ownNothing", "ownConstant"])
def test_a_column_without_values_or_with_one_is_drawn_and_said(texts: Page, name: str) -> None:
    show(texts, name, "latent_2", name)
    draw(texts)
    expected = {"ownNothing": "no particle has a value here", "ownConstant": "all 2.5"}[name]
    assert text_of(texts, "legend") == expected
    texts.execute_script("return gem.plot.addFilter(arguments[0])", name)
    assert text_of(texts, "counts") == f"{N_PARTICLES} particles", "a range over all leaves out none"
    press(texts, ".filter button")
    choose(texts, "under-points", "density")
    draw(texts)
    choose(texts, "under-points", "nothing")
    show(texts, "latent_1", "latent_2", "state")


def test_a_lasso_in_either_plane_selects_in_both_and_intersects(texts: Page) -> None:
    show(texts, "latent_1", "latent_2", "state")
    press(texts, "#second-plane")
    wait_until(lambda: texts.execute_script("return Boolean(gem.plot.second.scatter.xColumn)"))
    choose(texts, "second-x", "rlnMaxValueProb")
    wait_until(
        lambda: texts.execute_script("return gem.plot.second.scatter.xColumn.name") == "rlnMaxValueProb"
    )
    draw(texts)
    press(texts, "[data-tool=box]")
    latents = explorer_source().latents[:, 0]
    # right half of the first plane
    first = texts.execute_script("const s = gem.plot.scatter; return [s.view.toPixel(0, 0)[0], s.view.size]")
    (middle, (width, height)) = first
    drag(texts, [(middle, 14), (width - 20, 40), (width - 13, height - 46)])
    right = latents > 0
    assert texts.execute_script("return gem.selection.rows().length") == pytest.approx(right.sum(), abs=3)
    both = texts.execute_script("return gem.plot.second.scatter.hasSelection")
    assert both, "the second plane shows the same selection"
    press(texts, "[data-mode=intersect]")
    half = texts.execute_script(
        "const s = gem.plot.second.scatter; return [s.view.toPixel(0.5, 0)[0], s.view.size]"
    )
    drag_on(texts, "second-overlay", [(half[0], 14), (half[1][0] - 13, half[1][1] - 46)])
    expected = (right & (PROBABILITIES > 0.5)).sum()
    assert texts.execute_script("return gem.selection.rows().length") == pytest.approx(expected, abs=3)
    press(texts, "[data-mode=new]")
    press(texts, "[data-tool=click]")
    texts.execute_script("gem.selection.select([], 'new')")


def test_a_saved_picture_holds_both_planes_and_the_legends(texts: Page) -> None:
    assert texts.execute_script("return gem.plot.second.isOn")
    choose(texts, "under-points", "energy (kT)")
    svg = saved_svg(texts)
    assert svg.count("<image") == 2
    for text in ("latent 1 (latent units)", "rlnMaxValueProb", "energy -ln p of this plane"):
        assert text in svg, text
    assert 'fill-rule="evenodd"' in svg, "the shapes of the legend"
    choose(texts, "under-points", "nothing")


def test_second_plane_filters_and_searched_groups_come_back_after_a_reload(
    texts: Page, run_with_texts: Explorer
) -> None:
    choose(texts, "axis-colour", "rlnMicrographName")
    wait_until(lambda: "others" in text_of(texts, "legend"))
    set_range(texts, "point-opacity", 0.5)
    texts.execute_script("document.getElementById('point-opacity').onchange()")
    wait_until(
        lambda: (
            run_with_texts.ask_json("/api/work")["parts"].get("look", {}).get("opacity") == 0.5
            and run_with_texts.ask_json("/api/work")["parts"]["colour"]["name"] == "rlnMicrographName"
        )
    )
    open_page(texts, run_with_texts, keeps_work=True)
    settle(texts)
    wait_until(lambda: texts.execute_script("return gem.plot.chosen.colour.name") == "rlnMicrographName")
    assert texts.execute_script("return gem.plot.second.scatter.xColumn.name") == "rlnMaxValueProb"
    assert texts.execute_script("return gem.plot.scatter.opacity") == 0.5
    press(texts, "#second-plane")
    assert is_hidden(texts, "second-overlay")


def test_the_cut_of_the_tree_is_dragged_and_moved_by_keys(texts: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    show_tab(texts, "states")
    tree = texts.execute_script("return document.getElementById('dendrogram')")
    texts.execute_script("arguments[0].scrollIntoView({ block: 'center' })", tree)
    heights = texts.execute_script("return gem.states.treeCut.tree.map((merger) => merger[2])")
    wanted = (heights[-2] + heights[-3]) / 2  # three states
    height = tree.size["height"]
    y = height - 6 - wanted / heights[-1] * (height - 14)
    ActionChains(texts, duration=20).move_to_element_with_offset(
        tree, 0, round(10 - height / 2)
    ).click_and_hold().move_to_element_with_offset(tree, 0, round(y - height / 2)).release().perform()
    wait_until(
        lambda: texts.execute_script("return gem.states.mapStates && Math.max(...gem.states.mapStates)") == 3
    )
    assert texts.execute_script("return document.getElementById('n-states').value") == "3"
    wait_until(lambda: texts.execute_script("return gem.plot.chosen.colour.name") == "states_here")
    tree.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    wait_until(lambda: texts.execute_script("return Math.max(...gem.states.mapStates)") == 5)
    assert tree.get_attribute("aria-valuenow") == "5"


def test_thirty_one_baskets_have_shapes_and_names_in_the_legend(texts: Page) -> None:
    texts.execute_script(
        """for (let k = 0; k < 30; k++) gem.baskets.add();
        gem.baskets.list().forEach(({ id }, index) => {
          const { members } = gem.baskets.byId.get(id), one = members.slice();
          one[index] = 255;
          gem.baskets.setMembers(id, one);
        });
        gem.basketPanel.show();"""
    )
    press(texts, "#basket-colour")
    wait_until(lambda: texts.execute_script("return gem.plot.chosen.colour.name") == "basket")
    buttons = texts.execute_script(
        "return Array.from(document.querySelectorAll('#legend button'), (one) => one.textContent)"
    )
    assert len(buttons) == 32, "31 baskets and none"
    draw(texts)
    looks = texts.execute_script(
        """return Array.from(document.querySelectorAll('#legend .swatch'), (one) => one.style.background + one.style.clipPath)"""
    )
    assert len(set(looks)) == 32


@pytest.mark.parametrize("painter", ["webgl", "pixels"])
def test_shapes_and_density_are_drawn_with_and_without_a_graphics_card(
    run_with_texts: Explorer, browser: Any, painter: str
) -> None:
    open_page(browser, run_with_texts)
    browser.get(f"{run_with_texts.address}&points={painter}")
    wait_until(lambda: browser.execute_script("return window.gemIsReady === true"))
    browser.execute_script("gem.plot.scatter.setLook({ pointSize: 12, opacity: 1 }); gem.plot.scatter.draw()")
    orange = "r > 200 && g > 120 && g < 190 && b < 60"
    counts = [count_of_pixels(browser, "points", orange)]
    choose(browser, "under-points", "density")
    browser.execute_script("gem.plot.scatter.setLook({ pointSize: 12, opacity: 1 }); gem.plot.scatter.draw()")
    counts.append(count_of_pixels(browser, "points", "b > r + 15 && r > 100 && r < 245"))
    expected = FOUND.setdefault("first", counts)
    np.testing.assert_allclose(counts, expected, rtol=0.15)  # edges of the shapes are smoothed differently
    assert min(counts) > 1000
