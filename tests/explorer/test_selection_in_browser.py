"""What is shown of a selection, in a real browser: its molecule and difference, images, states, and its reconstruction."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explorer_run import N_PARTICLES, N_STATES, explorer_source
from page_actions import Page, count_of_pixels, drag, open_page, press, set_range, settle, text_of, wait_until
from served_explorer import Explorer, serve
from small_star_run import write_run

from gem_plugin.io.array_files import write_array
from gem_plugin.results.run import Run


@pytest.fixture
def page(opened: Page) -> Page:
    """The page without a selection."""
    opened.execute_script("gem.basketPanel.exchange([], 0); gem.report.close(); gem.say('')")
    return opened


def lasso(page: Page) -> list[int]:
    """Around the upper left of the plot, by the mouse; gives the rows."""
    press(page, "[data-tool=lasso]")
    width, height = page.execute_script(
        "const o = document.getElementById('overlay'); return [o.clientWidth, o.clientHeight]"
    )
    drag(page, [(66, 14), (width / 2, 14), (width / 2, height / 2), (66, height / 2)])
    return page.execute_script("return Array.from(gem.selection.rows())")


def shown(page: Page, title: str) -> None:
    wait_until(lambda: text_of(page, "molecule-title").startswith(title))
    settle(page)


def is_shown(page: Page, identifier: str) -> bool:
    return bool(page.find_element("id", identifier).is_displayed())


def test_on_release_the_mean_molecule_images_states_and_checks_are_there(page: Page) -> None:
    rows = lasso(page)
    shown(page, "mean of basket 1")
    assert text_of(page, "selection-title") == f"basket 1: {len(rows)} particles"
    source = explorer_source()
    volume = np.array(page.execute_script("return Array.from(gem.molecule.subject.volume)"))
    scale = page.execute_script("return gem.molecule.model.densityOf255")
    mean = np.mean(list(source.decode(source.latents[rows])), axis=0)
    assert volume.sum() * scale / 255 == pytest.approx(mean.clip(0).sum(), rel=0.1)
    assert f"of {len(rows)}, drawn at random" in text_of(page, "selection-sentence")
    assert "sigma: standard deviation of the density over particles" in text_of(page, "selection-sentence")
    wait_until(
        lambda: page.execute_script("return document.querySelectorAll('#montage canvas').length === 8")
    )
    captions = page.execute_script(
        "return Array.from(document.querySelectorAll('#montage figcaption'), (one) => Number(one.textContent))"
    )
    assert set(captions) <= set(rows)
    press(page, "#montage-kinds [data-kind=random]")
    others = page.execute_script(
        "return Array.from(document.querySelectorAll('#montage figcaption'), (one) => Number(one.textContent))"
    )
    assert len(others) == 8
    assert set(others) <= set(rows) - set(captions)
    wait_until(
        lambda: (
            page.execute_script("return document.querySelectorAll('#selection-states tbody tr').length")
            == N_STATES
        )
    )
    counts = page.execute_script(
        "return Array.from(document.querySelectorAll('#selection-states tbody tr'), (row) => Number(row.cells[1].textContent))"
    )
    assert sum(counts) == len(rows)
    assert "Micrographs:" in text_of(page, "selection-facts")
    assert "Outliers:" in text_of(page, "selection-facts")
    assert page.execute_script("return gem.report.milliseconds") < 10_000
    page.find_element("css selector", "#montage canvas").click()
    shown(page, f"particle row {others[0]}")


def test_the_difference_is_drawn_in_two_colours_with_a_legend_in_sigma(page: Page) -> None:
    lasso(page)
    shown(page, "mean of basket 1")
    assert not is_shown(page, "difference-legend")
    blue, orange = "b > r + 40 && b > 120", "r > b + 80 && r > 120"
    assert count_of_pixels(page, "surface", orange) == 0
    page.find_element("css selector", "#selection-kinds [data-kind=difference]").click()
    shown(page, "difference from the rest of basket 1")
    assert count_of_pixels(page, "surface", orange) > 100
    assert count_of_pixels(page, "surface", blue) > 100
    first = text_of(page, "difference-legend")
    assert "more density than the rest" in first
    assert "sigma (density" in first
    set_range(page, "level", 90)
    settle(page)
    assert text_of(page, "difference-legend") != first, "the legend follows the level"
    set_range(page, "level", 20)
    page.find_element("css selector", "#selection-kinds [data-kind=both]").click()
    shown(page, "mean of basket 1")
    assert page.execute_script("return gem.molecule.view.components.length") == 3
    assert count_of_pixels(page, "surface", orange) > 50
    press(page, "#selection-kinds [data-kind=mean]")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([5], "(the only particle)"),
        (list(range(N_PARTICLES)), "All particles are selected, so there is no rest to compare with"),
    ],
)
def test_one_particle_and_all_particles_are_shown_with_clear_words(
    page: Page, rows: list[int], expected: str
) -> None:
    page.execute_script("gem.selection.select(arguments[0], 'new')", rows)
    press(page, "#selection-show")
    wait_until(lambda: expected in text_of(page, "selection-sentence"))
    shown(page, "mean of basket 1")
    assert is_shown(page, "selection-kinds") == (len(rows) == 1)


def test_no_particle_is_said_and_asks_for_nothing(page: Page) -> None:
    for button in ("#selection-show", "#reconstruct"):
        page.execute_script("gem.say('')")
        press(page, button)
        wait_until(lambda: text_of(page, "message").startswith("Nothing is selected: draw a lasso or a box"))


def test_the_newer_lasso_counts_however_long_the_older_takes(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    from gem_plugin.explorer.selection_maps import SelectionMaps

    real = SelectionMaps.average

    def slow(self: SelectionMaps, rows: np.ndarray, *more: Any) -> Any:
        if len(rows) == 50:
            time.sleep(1.5)
        return real(self, rows, *more)

    monkeypatch.setattr(SelectionMaps, "average", slow)
    page.execute_script(
        "gem.selection.select(Array.from({ length: 50 }, (_, row) => row), 'new'); gem.report.show()"
    )
    page.execute_script("gem.selection.select([1, 2, 3], 'new'); gem.report.show()")
    shown(page, "mean of basket 1: 3 particles")
    time.sleep(1.6)
    assert text_of(page, "molecule-title") == "mean of basket 1: 3 particles"
    assert "(all 3)" in text_of(page, "selection-sentence")


def test_a_reconstruction_runs_with_progress_and_is_shown_with_its_resolution(
    page: Page, explorer: Explorer
) -> None:
    rows = lasso(page)
    shown(page, "mean of basket 1")
    page.execute_script("document.getElementById('selection-name').value = 'from_the_page'")
    button = page.find_element("id", "reconstruct")
    page.execute_script("arguments[0].scrollIntoView()", button)
    button.click()
    wait_until(lambda: is_shown(page, "reconstruction-result"))
    shown(page, "reconstruction from_the_page")
    words = text_of(page, "reconstruction-numbers")
    assert "Å at FSC 0.143" in words
    assert f"{len(rows)} particles" in words
    assert count_of_pixels(page, "fsc", "b > 150 && r < 60") > 50, "the curve"
    assert count_of_pixels(page, "surface", "b > r + 20") > 1000
    folder = explorer.run.explore.reconstruction("from_the_page")
    assert {"selection_half1.mrc", "selection_half2.mrc", "selection_fsc.csv", "summary.json"} <= {
        path.name for path in folder.iterdir()
    }
    press(page, "#reconstruct")
    wait_until(lambda: "would be lost. Save as from_the_page-2" in text_of(page, "message"))


def test_a_running_reconstruction_can_be_stopped(
    page: Page, explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gem_plugin.explorer import reconstruction

    real = reconstruction.half_maps_of

    def when_stopped(both: Any, progress: Any, title: str) -> Any:
        wait_until(lambda: progress._stop.is_set())
        return real(both, progress, title)

    monkeypatch.setattr(reconstruction, "half_maps_of", when_stopped)
    page.execute_script(
        "gem.selection.select(Array.from({ length: 90 }, (_, row) => row), 'new'); gem.report.show()"
    )
    page.execute_script("document.getElementById('selection-name').value = 'stopped'")
    press(page, "#reconstruct")
    wait_until(lambda: is_shown(page, "reconstruction-progress"))
    assert "stopped: 90 particles" in text_of(page, "reconstruction-words")
    button = page.find_element("id", "reconstruct-stop")
    page.execute_script("arguments[0].scrollIntoView()", button)
    button.click()
    wait_until(lambda: "was stopped; nothing of it was kept" in text_of(page, "message"))
    assert not explorer.run.explore.reconstruction("stopped").exists()


@pytest.fixture
def served_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Explorer]:
    """A run without images, states and landscape, whose decoder is slow and knows no clouds, as that of cryoDRGN."""
    run, _ = write_run(tmp_path, 40)
    source = explorer_source()
    write_array(run.latents, source.latents[:40])
    slow = replace(source, latents=source.latents[:40], clouds_at=None, decoding_is_slow=True)
    real = Run.decoder
    monkeypatch.setattr(
        Run, "decoder", lambda opened, *grid: slow if opened.files == run else real(opened, *grid)
    )
    yield from serve(run)


def test_without_images_and_landscape_the_page_says_what_is_missing(
    browser: Any, served_without: Explorer
) -> None:
    page = open_page(browser, served_without)
    settle(page)
    page.execute_script(
        "gem.selection.select(Array.from({ length: 20 }, (_, row) => row), 'new'); gem.report.show()"
    )
    shown(page, "mean of basket 1: 20 particles")
    assert "(6 of 20, drawn at random)" in text_of(page, "selection-sentence")
    wait_until(lambda: "images are not there" in text_of(page, "montage-missing"))
    wait_until(lambda: "Run `gem-em landscape" in text_of(page, "selection-states"))
    press(page, "#reconstruct")
    wait_until(lambda: "without the particle images nothing can be reconstructed" in text_of(page, "message"))
