"""The explorer's page in a real browser, with a real mouse: every column, moving about, states in other ways, paths, files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cryosparc_rows import make_rows
from explorer_run import N_PARTICLES, explorer_source, make_explorer_run
from page_actions import (
    Page,
    choose,
    count_of_pixels,
    drag,
    open_page,
    pixel_of,
    press,
    settle,
    text_of,
    wait_until,
)
from served_explorer import Explorer, serve

from gem_plugin.io.array_files import write_array
from gem_plugin.io.cryosparc.files import read_cs_rows, write_cs_rows
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.from_cryosparc import read_cryosparc_particles
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.results.run import Run

WANTED_COLUMNS = {
    "umap_1": "UMAP",
    "latent_1": "latents",
    "latent_pc_1": "components of the latents",
    "volume_pc_1": "volume components",
    "rot": "pose",
    "tilt": "pose",
    "psi": "pose",
    "shift_x": "pose",
    "defocus": "defocus",
    "state": "state",
    "half_set": "half-set",
    "own_ice": "the user's own table",
}


@pytest.fixture(scope="module")
def full_explorer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    """A run with everything that can be a column, and a table of the user."""
    folder = tmp_path_factory.mktemp("full")
    run = make_explorer_run(folder)
    generator = np.random.default_rng(0)
    files = run.landscape
    write_array(run.analyze.umap, generator.normal(size=(N_PARTICLES, 2)).astype(np.float32))
    n_components = np.load(files.volume_pca_scores).shape[1]
    write_array(files.full.coordinates, generator.normal(size=(N_PARTICLES, n_components)))
    table = folder / "own.csv"
    table.write_text("ice\n" + "".join(f"{value}\n" for value in generator.normal(size=N_PARTICLES)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "decoder", lambda *_: explorer_source())
        yield from serve(run, table)


def test_every_column_is_an_axis_a_colour_and_a_range(full_explorer: Explorer, browser: Page) -> None:
    open_page(browser, full_explorer)
    offered = browser.execute_script(
        "return Array.from(document.getElementById('axis-x').options).map((option) => option.value)"
    )
    assert set(WANTED_COLUMNS) <= set(offered)
    shown = browser.execute_script(
        "return Array.from(document.getElementById('axis-x').options).map((option) => option.text)"
    )
    assert shown == offered, "the names shown are those that select --where takes"
    taken = Run(full_explorer.run.root)
    for name in shown:
        assert name == "own_ice" or len(taken.column(name)) == N_PARTICLES  # own_ice: of the user's own table
    for name in offered:
        choose(browser, "axis-x", name)
        wait_until(lambda name=name: browser.execute_script("return gem.plot.chosen.x.name") == name)
        choose(browser, "axis-colour", name)
        wait_until(lambda name=name: browser.execute_script("return gem.plot.chosen.colour.name") == name)
        browser.execute_script("gem.plot.scatter.draw()")
        assert count_of_pixels(browser, "points", "r + g + b < 700") > 100, name
        browser.execute_script("return gem.plot.addFilter(arguments[0])", name)
        assert (
            browser.execute_script("return gem.plot.filters.at(-1).counts.reduce((a, b) => a + b)")
            == N_PARTICLES
        )
        press(browser, ".filter button")


def test_a_range_is_dragged_in_the_histogram(full_explorer: Explorer, browser: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    open_page(browser, full_explorer)
    choose(browser, "filter-column", "latent_1")
    histogram = wait_until(lambda: browser.execute_script("return document.querySelector('.filter canvas')"))
    width = histogram.size["width"]
    browser.execute_script("arguments[0].scrollIntoView()", histogram)
    ActionChains(browser, duration=20).move_to_element_with_offset(
        histogram, round(-0.25 * width), 0
    ).click_and_hold().move_to_element_with_offset(histogram, round(0.1 * width), 0).release().perform()
    low, high = browser.execute_script("return gem.plot.filters[0].range")
    values = explorer_source().latents[:, 0]
    assert values.min() < low < high < values.max()
    shown = int(((values >= low) & (values <= high)).sum())
    assert text_of(browser, "counts") == f"{shown} of {N_PARTICLES} particles shown"


def test_wheel_and_right_drag_move_the_plot_and_a_double_click_shows_everything(page: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    overlay = page.execute_script("return document.getElementById('overlay')")
    view = "return [...gem.plot.scatter.view.x, ...gem.plot.scatter.view.y]"
    everything = page.execute_script(view)
    ActionChains(page).scroll_from_origin(ScrollOrigin.from_element(overlay), 0, -300).perform()
    closer = wait_until(lambda: (now := page.execute_script(view)) != everything and now)
    assert closer[1] - closer[0] < everything[1] - everything[0]
    page.execute_script(
        """const o = arguments[0], at = o.getBoundingClientRect();
        const send = (kind, x, y) => o.dispatchEvent(new PointerEvent(kind, { button: 2, clientX: at.left + x, clientY: at.top + y, pointerId: 1 }));
        o.setPointerCapture = () => {};
        send("pointerdown", 200, 200); send("pointermove", 260, 230); send("pointerup", 260, 230);""",
        overlay,
    )
    moved = page.execute_script(view)
    assert moved[1] - moved[0] == pytest.approx(closer[1] - closer[0])
    assert moved[0] < closer[0], "the plot follows the mouse"
    ActionChains(page).double_click(overlay).perform()
    wait_until(lambda: np.allclose(page.execute_script(view), everything))


def test_the_slider_of_a_path_is_dragged_with_the_mouse_and_the_molecule_moves_meanwhile(page: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    latents = explorer_source().latents
    angle = np.arctan2(latents[:, 1], latents[:, 0])
    press(page, "#waypoints")
    for wanted in (-0.8, 0.8):
        x, y = pixel_of(page, int(np.abs(angle - wanted).argmin()))
        overlay = page.execute_script("return document.getElementById('overlay')")
        size = overlay.size
        ActionChains(page).move_to_element_with_offset(
            overlay, round(x - size["width"] / 2), round(y - size["height"] / 2)
        ).click().perform()
    assert page.execute_script("return gem.trajectory.waypoints.length") == 2
    press(page, "#trajectory-create")
    wait_until(lambda: page.execute_script("return Boolean(gem.trajectory.path)"))
    settle(page)
    page.execute_script(
        """window.seen = []; const { molecule } = gem, show = molecule.show.bind(molecule);
        molecule.show = async (...given) => { await show(...given); seen.push([molecule.subject.latents, molecule.view.picture()]); };"""
    )
    slider = page.execute_script("return document.getElementById('trajectory-position')")
    half = slider.size["width"] / 2 - 9
    for milliseconds in (120, 500, 2000):  # of each move, until the machine keeps up
        mouse = ActionChains(page, duration=milliseconds)
        mouse.move_to_element_with_offset(slider, round(-half), 0).click_and_hold()
        for step in range(1, 9):
            mouse.move_to_element_with_offset(slider, round(-half + 2 * half * step / 8), 0)
        mouse.perform()
        seen_before_the_release = page.execute_script("return seen")
        mouse.release().perform()
        if len(seen_before_the_release) >= 3:
            break
        settle(page)
        page.execute_script("window.seen = []")
    assert len(seen_before_the_release) >= 3, "it moved while the mouse was down"
    angles = [np.arctan2(one[0][1], one[0][0]) for one in seen_before_the_release]
    assert np.all(np.diff(angles) >= -1e-6), "one way, without jumping back"
    assert len({picture for _, picture in seen_before_the_release}) >= 3
    end = float(page.execute_script("return document.getElementById('trajectory-position').value"))
    assert end > 0.9
    wait_until(lambda: text_of(page, "molecule-title") == f"trajectory, {round(100 * end)} %")


def test_a_path_plays_and_stops(page: Page) -> None:
    page.execute_script("gem.trajectory.waypoints = [3, 30]")
    press(page, "#trajectory-create")
    wait_until(lambda: page.execute_script("return Boolean(gem.trajectory.path)"))
    press(page, "#trajectory-play")
    places = set()
    wait_until(
        lambda: places.add(page.execute_script("return gem.trajectory.slider.value")) or len(places) > 3
    )
    press(page, "#trajectory-play")
    wait_until(lambda: text_of(page, "trajectory-play") == "play")
    press(page, "#trajectory-clear")
    assert page.execute_script("return document.getElementById('trajectory-position').disabled")


def test_a_movie_is_saved_as_mp4_too(explorer: Explorer, page: Page) -> None:
    av = pytest.importorskip("av", reason="PyAV is absent (pip install 'gem-em[movies]')")
    page.execute_script(
        "gem.trajectory.waypoints = [3, 30]; document.getElementById('trajectory-name').value = 'film_of_page'"
    )
    press(page, "#trajectory-create")
    wait_until(lambda: page.execute_script("return Boolean(gem.trajectory.path)"))
    press(page, "#save-movie")
    wait_until(lambda: "movie saved" in text_of(page, "message"))
    with av.open(str(explorer.run.explore.root / "film_of_page.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 38
    assert np.median(frames[0]) > 240, "on white"
    assert frames[0].min() < 120, "a molecule"


def test_states_again_with_another_linkage_and_region(page: Page) -> None:
    other = page.execute_script(
        "return Array.from(document.getElementById('linkage').options).map((o) => o.value).find((name) => name !== gem.states.settings().linkage)"
    )
    before = page.execute_script("return gem.states.head.tree")
    choose(page, "linkage", other)
    wait_until(lambda: other in (page.execute_script("return gem.plot.chosen.colour.label") or ""))
    assert page.execute_script("return gem.states.head.tree") != before
    region = page.execute_script("return document.getElementById('region').options[1].value")
    tree = page.execute_script("return document.getElementById('dendrogram').toDataURL()")
    choose(page, "region", region)
    wait_until(lambda: region in (page.execute_script("return gem.plot.chosen.colour.label") or ""))
    assert page.execute_script("return document.getElementById('dendrogram').toDataURL()") != tree
    assert page.execute_script("return gem.states.milliseconds") < 1000 * 10


def test_the_spread_of_a_state_is_shown(page: Page) -> None:
    press(page, "[data-state='1'][data-kind=variability]")
    wait_until(lambda: text_of(page, "molecule-title") == "variability within state 1")
    settle(page)
    spread = page.execute_script("return Array.from(gem.molecule.subject.volume)")
    press(page, "[data-state='1'][data-kind=mean]")
    wait_until(lambda: text_of(page, "molecule-title") == "mean of state 1")
    mean = page.execute_script("return Array.from(gem.molecule.subject.volume)")
    assert 0 < max(spread) < max(mean)


def test_particles_of_a_cs_file_are_saved_as_its_rows(browser: Page, tmp_path: Path) -> None:
    job = tmp_path / "J42"
    job.mkdir()
    rows = make_rows(30)
    write_cs_rows(job / "J42_011_particles.cs", rows)
    run = RunFiles(tmp_path / "run")
    origin = ParticleOrigin(job, None, 32, 3.0)
    save_prepared_table(run.prepared_table, read_cryosparc_particles(job), np.ones(17), origin)
    for served in serve(run):
        open_page(browser, served)
        browser.execute_script("return gem.plot.setAxes('row', 'defocus', 'tilt')")
        press(browser, "[data-tool=box]")
        width, height = browser.execute_script(
            "const o = document.getElementById('overlay'); return [o.clientWidth, o.clientHeight]"
        )
        drag(browser, [(60, 14), (width / 2, height - 50)])
        chosen = wait_until(lambda: browser.execute_script("return Array.from(gem.selection.rows())"))
        browser.execute_script("document.getElementById('selection-name').value = 'half_of_them'")
        press(browser, "#save-particles")
        wait_until(lambda: "particles saved" in text_of(browser, "message"))
        saved = read_cs_rows(run.explore.root / "half_of_them.cs")
        assert 0 < len(chosen) < 30
        np.testing.assert_array_equal(saved["uid"], rows["uid"][chosen])
        assert (run.explore.root / "half_of_them.csg").is_file()
        press(browser, "#save-relion")
        wait_until(lambda: "did not start from a star file" in text_of(browser, "message"))
