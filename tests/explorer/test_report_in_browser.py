"""report.html in a real browser without network: every chapter drawn, moving, readable at any width, asking nobody."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_findings import axe_script, findings
from explorer_run import N_PARTICLES, N_STATES
from full_run import N_MAPS_OF_TRAJECTORY, give_half_sets, make_full_run, report_text_of
from page_actions import wait_until
from report_pictures import coloured_pixels, picture_of_scatter, spreads_of_pictures
from served_explorer import open_browser

from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.checks.known_checks import KNOWN_CHECKS, checks_run
from gem_plugin.reports.sections.states_in_words import NUMBERS
from gem_plugin.reports.verdicts import all_checks
from gem_plugin.results.near_particles import particles_near_series
from gem_plugin.results.run import Run

CHAPTERS_WITH_PICTURES = {
    "first": 1,
    "training": 1,
    "states": 6 * N_STATES,
    "reconstruction": 1,
    "motion": 3,
    "energy": 1,
    "landscape": 1,
}
CHAPTERS_OF_TEXT = (
    "history",
    "overview",
    "warnings",
    "inputs",
    "particles",
    "trajectories",
    "next",
    "provenance",
    "numbers",
)
WIDTHS = (1400, 900, 400)
MINIMUM_STANDARD_DEVIATION = 8  # grey levels between the pixels of a picture: a blank one has none
MAXIMUM_BYTES = 15e6


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    run = make_full_run(tmp_path_factory.mktemp("a run with spaces"))
    give_half_sets(run)
    report_text_of(run)
    return run


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium that can reach no machine at all."""
    yield from open_browser("--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9")


@pytest.fixture
def page(browser: Any, run: RunFiles) -> Iterator[Any]:
    """The report, freshly opened from disk; nothing was asked for and no error came up at the end."""
    browser.get_log("browser")
    browser.get(Path(run.report).as_uri())
    yield browser
    assert requests_of(browser) == []
    assert [line for line in browser.get_log("browser") if line["level"] == "SEVERE"] == []


def requests_of(page: Any) -> list[str]:
    return page.execute_script(
        "return performance.getEntriesByType('resource').map((e) => e.name).filter((name) => !name.startsWith('data:'))"
    )


def choose_column(page: Any, role: str, name: str) -> None:
    page.execute_script(
        """const select = document.querySelector(`[data-role=${arguments[0]}]`);
        select.value = particlePlot.columns.findIndex((column) => column.name === arguments[1]); select.onchange();""",
        role,
        name,
    )


def test_report_opens_from_disk_without_network(page: Any, run: RunFiles) -> None:
    assert run.report.stat().st_size < MAXIMUM_BYTES
    chapters = page.execute_script("return Array.from(document.querySelectorAll('section'), (one) => one.id)")
    assert set(chapters) == {*CHAPTERS_WITH_PICTURES, *CHAPTERS_OF_TEXT}
    links = page.execute_script("return Array.from(document.querySelectorAll('nav a'), (one) => one.hash)")
    assert links == [f"#{chapter}" for chapter in chapters]


@pytest.mark.parametrize("chapter", CHAPTERS_WITH_PICTURES)
def test_pictures_of_a_chapter_are_drawn_and_say_what_they_show(page: Any, chapter: str) -> None:
    spreads = spreads_of_pictures(page, chapter)
    assert len(spreads) >= CHAPTERS_WITH_PICTURES[chapter]
    assert min(spreads) > MINIMUM_STANDARD_DEVIATION
    untold = page.execute_script(
        "return Array.from(document.querySelectorAll(`#${arguments[0]} img`)).filter((one) => one.alt.length < 8).length",
        chapter,
    )
    assert untold == 0


def test_the_answer_comes_first(page: Any) -> None:
    text = page.find_element("id", "overview").text
    assert re.search(rf"Particles\n{N_PARTICLES} of particles.star, in boxes of 24 pixels of 4 Å", text)
    assert re.search(rf"States\n{NUMBERS[N_STATES]} states, of \d+ to \d+ particles", text)
    assert re.search(
        r"What moves\nOne part, \d+ ± \d+ % of the mass, moves by (at least )?\d+\.\d ± \d+\.\d Å", text
    )
    assert "4.2 ± 0.3 nats per particle" in text
    assert (
        "reach 10.2 to 14.2 Å; they differ from the map of all particles by 7.5 to 11.5 standard errors, a random subset by 6.5"
        in text
    )


def open_surfaces(page: Any) -> None:
    page.execute_script("document.querySelector('.surfaces .open').click()")
    wait_until(lambda: page.execute_script("return document.querySelector('.surfaces .open').hidden"))


def colours_on_the_stage(page: Any) -> list[float]:
    """Fraction of the stage that is drawn on, and the mean red less blue of that part."""
    return page.execute_script(
        """const { view } = surfaceViewer; view.draw();
        const copy = document.createElement('canvas'), context = copy.getContext('2d');
        [copy.width, copy.height] = [view.canvas.width, view.canvas.height];
        context.drawImage(view.canvas, 0, 0);
        const data = context.getImageData(0, 0, copy.width, copy.height).data;
        let drawn = 0, warmth = 0;
        for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 100 && Math.min(data[i], data[i + 1], data[i + 2]) < 220) {
          drawn++; warmth += data[i] - data[i + 2];
        }
        return [drawn / (data.length / 4), warmth / Math.max(1, drawn)];"""
    )


def test_surfaces_can_be_rotated_and_chosen_under_the_policy_of_the_page(page: Any) -> None:
    """NGL needs neither workers nor eval here; the fixture sees to it that nothing was asked for and nothing refused."""
    assert page.find_element("css selector", ".surfaces .stage").is_displayed() is False
    open_surfaces(page)
    first, first_warmth = colours_on_the_stage(page)
    assert first > 0.005, "state 1 is drawn"
    assert first_warmth < 0, "in blue"
    labels = [one.text for one in page.find_elements("css selector", ".surfaces label")]
    assert len(labels) == N_STATES + 1
    assert all(
        re.match(r"state \d+ \((supported|not supported|unstable|few particles|not tested)", one)
        for one in labels[:-1]
    )
    boxes = "document.querySelectorAll('.surfaces input')"
    page.execute_script(f"{boxes}[1].click(); {boxes}[0].click()")
    wait_until(lambda: colours_on_the_stage(page)[1] > 0)  # state 2 is orange
    page.execute_script(f"{boxes}[1].click()")
    assert page.execute_script(f"return {boxes}[1].checked"), "something is always shown"
    page.execute_script(f"{boxes}[{N_STATES}].click(); {boxes}[1].click()")
    wait_until(lambda: colours_on_the_stage(page)[0] > 0.005)
    before = page.execute_script("return surfaceViewer.view.orientation()")
    page.execute_script("surfaceViewer.view.stage.viewerControls.rotate(new NGL.Quaternion(0, 0.7, 0, 0.7))")
    assert page.execute_script("return surfaceViewer.view.orientation()") != before


@pytest.mark.parametrize("missing", ["DecompressionStream", "WebGL"])
def test_without_what_the_surfaces_need_the_picture_stays(page: Any, missing: str) -> None:
    broken = {
        "DecompressionStream": "window.DecompressionStream = undefined;",
        "WebGL": "HTMLCanvasElement.prototype.getContext = ((old) => function (kind, ...more) { return kind.startsWith('webgl') ? null : old.call(this, kind, ...more); })(HTMLCanvasElement.prototype.getContext);",
    }[missing]
    found = page.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": broken})
    try:
        page.refresh()
        wait_until(lambda: page.execute_script("return window.surfaceViewer !== undefined"))
        assert not page.find_element("css selector", ".surfaces .open").is_displayed()
        assert page.find_element("css selector", "#first img").is_displayed()
    finally:
        page.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": found["identifier"]})


def test_inputs_name_particles_pixels_box_and_settings(page: Any) -> None:
    text = page.find_element("id", "inputs").text
    for part in (
        "24 pixels of 4 Å",
        "µm",
        "300 kV",
        "given for all",
        "latent dimensions 2",
        "consensus map consensus.mrc",
    ):
        assert part in text


def test_warnings_say_what_they_mean_and_which_checks_were_done(page: Any, run: RunFiles) -> None:
    text = page.find_element("id", "warnings").text
    assert "Small states: 1, 2, 3, 4, 5. They hold fewer than 500 particles" in text
    assert "gem-em diagnose" in text
    n_run, n_not_run = (len(some) for some in checks_run(all_checks(Run(run))))
    assert n_run >= 9, "the quick ones and those of the training"
    assert f"Results of the checks that were run: {n_run}" in text
    assert f"{n_run} of {len(KNOWN_CHECKS)} checks have been run. Not run: " in text
    assert f"Checks that have not been run: {n_not_run}" in text


def test_scatter_is_drawn_and_groups_can_be_hidden(page: Any) -> None:
    everything = coloured_pixels(page)
    assert everything > N_PARTICLES
    page.execute_script("document.querySelector('#scatter .legend button').click()")
    assert 0 < coloured_pixels(page) < everything
    page.execute_script("document.querySelector('#scatter .legend button').click()")
    assert coloured_pixels(page) == everything


def test_columns_are_listed_under_the_names_that_select_takes(page: Any, run: RunFiles) -> None:
    shown = page.execute_script(
        "return Array.from(document.querySelector('[data-role=x]').options).map((option) => option.text)"
    )
    assert {"state", "latent_1", "defocus"} <= set(shown)
    for name in shown:
        assert len(Run(run.root).column(name)) == N_PARTICLES


@pytest.mark.parametrize(("role", "column"), [("x", "defocus"), ("y", "tilt"), ("colour", "latent_1")])
def test_scatter_shows_other_columns(page: Any, role: str, column: str) -> None:
    before = picture_of_scatter(page)
    choose_column(page, role, column)
    assert picture_of_scatter(page) != before
    label = page.execute_script(f"return particlePlot.chosen.{role}.label")
    assert label.endswith(("(µm)", "(degrees)", "(latent units)"))


def test_scatter_writes_the_number_of_each_group_inside_it(page: Any) -> None:
    """So that states can be described apart without colours."""
    wrong = page.execute_script(
        """const { numbers: { middles }, chosen } = particlePlot;
        return middles.filter(([group, row]) => chosen.colour.values[row] !== group).length + 100 * (middles.length - arguments[0]);""",
        N_STATES,
    )
    assert wrong == 0


def test_scatter_shows_the_values_of_the_particle_under_the_pointer(page: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    canvas = page.find_element("css selector", "#scatter canvas")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    x, y = page.execute_script("return particlePlot.plot.pixelOf(7)")
    offset = round(x - canvas.size["width"] / 2), round(y - canvas.size["height"] / 2)
    ActionChains(page).move_to_element_with_offset(canvas, *offset).perform()
    tip = wait_until(lambda: page.find_element("css selector", "#scatter .tip").text)
    assert re.match(r"particle row \d+ \(counted from 0\)\n", tip)
    assert "state: " in tip


def test_scatter_zooms_and_comes_back(page: Any) -> None:
    before = picture_of_scatter(page)
    page.execute_script("particlePlot.plot.zoom(300, 200, 0.3); particlePlot.plot.draw()")
    assert picture_of_scatter(page) != before
    page.execute_script(
        "document.querySelector('#scatter canvas + canvas').dispatchEvent(new MouseEvent('dblclick'))"
    )
    assert picture_of_scatter(page) == before


def test_trajectories_move_and_can_be_stopped(page: Any, run: RunFiles) -> None:
    def place() -> str:
        return page.execute_script("return document.querySelector('.frame').style.backgroundPositionY")

    seen: set[str] = set()
    wait_until(lambda: seen.add(place()) or len(seen) == N_MAPS_OF_TRAJECTORY)
    page.execute_script("document.querySelector('.animation .play').click()")
    stopped = place()
    time.sleep(0.4)
    assert place() == stopped
    page.execute_script(
        "const one = document.querySelector('.animation input'); one.value = 2; one.dispatchEvent(new Event('input'))"
    )
    assert place() == "-200px"
    (near,) = [one for one in particles_near_series(Run(run)) if one is not None][:1]
    shown = f"3 / {N_MAPS_OF_TRAJECTORY}, {near[2]} particles near"
    assert page.find_element("css selector", ".animation output").text == shown
    opacity = page.execute_script("return Number(document.querySelector('.frame').style.opacity)")
    assert opacity == pytest.approx(min(1, 0.2 + 0.8 * near[2] / 10))
    page.execute_script("document.querySelector('.animation .play').click()")
    wait_until(lambda: place() != "-200px")


def test_frames_of_a_trajectory_hold_the_molecule(page: Any) -> None:
    bright = page.execute_async_script(
        """const done = arguments[0], image = new Image();
        image.onload = () => {
          const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext('2d');
          context.drawImage(image, 0, 0);
          const frames = Number(document.querySelector('.animation').dataset.frames), height = image.height / frames;
          done(Array.from({ length: frames }, (_, i) => {
            const data = context.getImageData(0, Math.round(i * height), image.width, Math.floor(height)).data;
            let sum = 0; for (let j = 0; j < data.length; j += 4) if (data[j] > 100) sum++; return sum;
          }));
        };
        image.src = getComputedStyle(document.querySelector('.frame')).backgroundImage.slice(5, -2);"""
    )
    assert len(bright) == N_MAPS_OF_TRAJECTORY
    assert min(bright) > 20


def test_commands_can_be_copied(page: Any) -> None:
    commands = page.execute_script(
        "return Array.from(document.querySelectorAll('#next pre'), (one) => one.textContent)"
    )
    for program in ("gem-em select ", "relion_reconstruct ", "relion_refine_mpi ", "gem-em explore "):
        assert any(program in text for text in commands)
    button = page.find_element("css selector", "#next .copy")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    wait_until(lambda: button.text in ("copied", "selected"))
    if button.text == "selected":
        assert page.execute_script("return getSelection().toString().trim()") == commands[0].strip()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_windows_of_any_width(page: Any, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.refresh()
        wait_until(lambda: page.execute_script("return window.particlePlot !== undefined"))
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
        assert coloured_pixels(page) > N_PARTICLES / 2
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_page_that_is_not_laid_out_yet_draws_nothing_and_still_moves(page: Any) -> None:
    """A plot of no width made the script stop, and with it the animations and buttons."""
    page.execute_script(
        "document.querySelector('#scatter').style.display = 'none'; particlePlot.plot.draw();"
    )
    page.execute_script("document.querySelector('#scatter').style.display = ''; particlePlot.plot.draw();")
    assert coloured_pixels(page) > N_PARTICLES


def test_scatter_shows_the_energy_of_its_plane_under_the_points(page: Any) -> None:
    before = picture_of_scatter(page)
    page.execute_script(
        """const select = document.querySelector('#scatter [data-role=under]');
        select.value = 'energy (kT)'; select.dispatchEvent(new Event('change'));"""
    )
    assert picture_of_scatter(page) != before
    assert "kT" in page.execute_script("return document.querySelector('#scatter .legend + div').textContent")
    shapes = "return Array.from(document.querySelectorAll('#scatter .swatch'), (one) => one.dataset.shape)"
    assert "square" in page.execute_script(shapes)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_light_and_dark(page: Any, scheme: str) -> None:
    axe_script()
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    found = findings(page)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert found == []


def test_the_report_turns_dark_by_its_button_and_keeps_that(page: Any) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    dark = "rgb(17, 23, 29)"
    assert page.execute_script(ground) == "rgb(255, 255, 255)"
    page.find_element("id", "theme").click()
    assert page.execute_script(ground) == dark
    corner = page.execute_script(
        "return [...document.querySelector('#scatter canvas').getContext('2d').getImageData(80, 20, 1, 1).data.slice(0, 3)]"
    )
    assert corner == [17, 23, 29]
    page.refresh()
    assert page.execute_script(ground) == dark
    page.find_element("id", "theme").click()
    page.execute_script("localStorage.removeItem('gem_theme')")
