"""Tilt series in the explorer: numbers and files of positions, the montage of tilts and the panel in a real browser."""

import struct
from pathlib import Path

import numpy as np
import pytest
import starfile
from page_actions import Page, choose, open_page, press, settle, text_of, wait_until
from served_explorer import Explorer, serve
from tilt_run import make_tilt_run_with_model

from gem_plugin.errors import InputError
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.positions import described_positions, positions_text
from gem_plugin.io.run.files import RunFiles
from gem_plugin.results.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    """A run of tilt series whose model is in memory."""
    made, source = make_tilt_run_with_model(tmp_path_factory.mktemp("tilts"))
    real = Run.decoder
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Run, "decoder", lambda opened, *grid: source if opened.files == made else real(opened, *grid)
        )
        yield made


@pytest.fixture(scope="module")
def served(run: RunFiles):
    yield from serve(run)


def test_numbers_of_every_state_and_all_tomograms(run: RunFiles, tmp_path: Path) -> None:
    assert described_positions(Run(RunFiles(tmp_path))) is None
    found = described_positions(Run(run))
    assert found is not None
    (of_states,) = found["sources"]
    assert of_states["column"] == "state"
    assert [state["number"] for state in of_states["states"]] == [1, 2]
    assert sum(state["particles"] for state in of_states["states"]) == 30
    assert all(len(state["distances"]) == 2 and state["error"] is None for state in of_states["states"])
    assert [one["name"] for one in found["tomograms"]] == ["TS_01", "TS_02", "TS_03"]
    assert sum(one["particles"] for one in found["tomograms"]) == 30
    assert OpenedRun(run).description()["positions"] == found


def test_single_particles_are_described_as_before(explorer: Explorer) -> None:
    assert "positions" not in explorer.ask_json("/api/run")
    assert "hasTilts" not in explorer.ask_json("/api/model")["model"]
    head, _ = explorer.ask_packed("/api/molecule", {"row": 3, "withImages": True})
    assert "tilts" not in head
    assert explorer.ask("/api/positions/sketch/star")[0] == 400


def test_files_are_those_of_the_landscape_or_of_one_tomogram(served: Explorer, tmp_path: Path) -> None:
    status, content = served.ask("/api/positions/sketch/star")
    assert status == 200
    assert content == served.run.landscape.positions.star.read_bytes()
    assert served.ask("/api/positions/sketch/csv")[1] == served.run.landscape.positions.points.read_bytes()
    path = tmp_path / "one.star"
    path.write_bytes(served.ask("/api/positions/sketch/star?tomogram=TS_02")[1])
    assert set(starfile.read(path)["rlnTomoName"]) == {"TS_02"}
    for address in ("sketch/pdf", "full/star", "sketch/star?tomogram=TS_09"):
        assert served.ask(f"/api/positions/{address}")[0] == 400
    with pytest.raises(InputError, match="no positions as 'pdf'; expected star or csv"):
        positions_text(Run(served.run), "sketch", "pdf", None)


def test_a_particle_comes_with_all_its_tilts(served: Explorer) -> None:
    head, content = served.ask_packed("/api/molecule", {"row": 4, "withImages": True})
    n_tilts = len(head["tilts"]["doses"])
    assert 5 <= n_tilts == head["tilts"]["ofParticle"] == len(head["tilts"]["angles"])
    assert head["lengths"][-1] == 2 * n_tilts * head["imageSize"] ** 2 * struct.calcsize("f")
    values = np.frombuffer(content[-head["lengths"][-1] :], "<f4").reshape(2, n_tilts, -1)
    assert (values.std(axis=2) > 0).all()
    assert head["tilts"]["angles"] == sorted(head["tilts"]["angles"])


@pytest.fixture(scope="module")
def page(served: Explorer, browser: Page) -> Page:
    opened = open_page(browser, served)
    settle(opened)
    return opened


def test_the_montage_stands_where_the_image_of_a_single_particle_stands(page: Page) -> None:
    page.execute_script("gem.show(4)")
    wait_until(lambda: "of row 4" in text_of(page, "particle"))
    settle(page)
    captions = page.execute_script(
        "return Array.from(document.querySelectorAll('#particle figcaption'), (one) => one.textContent)"
    )
    n_canvases = page.execute_script("return document.querySelectorAll('#particle canvas').length")
    assert n_canvases == 2 * len(captions) >= 10
    assert all("°\n" in caption and caption.endswith(" e/Å²") for caption in captions)
    assert "by tilt angle, low-pass filtered" in text_of(page, "particle")
    page.execute_script("gem.show(5)")
    wait_until(lambda: "of row 5" in text_of(page, "particle"))
    assert page.find_element("id", "particle").is_displayed()


def test_the_panel_has_a_row_for_each_state_and_plots_a_tomogram(served: Explorer, page: Page) -> None:
    press(page, "#tab-states")
    assert page.find_element("id", "positions-section").is_displayed()
    assert "Positions in the tomograms:" in text_of(page, "positions-sentence")
    n_rows = page.execute_script("return document.querySelectorAll('#positions-table tbody tr').length")
    assert n_rows == 2
    choose(page, "positions-tomogram", "TS_02")
    press(page, "#positions-plot")
    wait_until(lambda: page.execute_script("return gem.plot.chosen.x.name") == "position_x")
    expected = (Run(served.run).column("tomogram") == 2).tolist()
    flags = "return Array.from(gem.plot.scatter.flags, (flag) => Boolean(flag & 1))"
    wait_until(lambda: page.execute_script(flags) == expected)
    assert page.execute_script("return gem.plot.chosen.colour.name") == "state"


def test_files_are_offered_under_names_that_say_what_they_are(page: Page) -> None:
    page.execute_script(
        "window.saved = []; const click = HTMLAnchorElement.prototype.click;"
        "HTMLAnchorElement.prototype.click = function () { saved.push(this.download); }"
    )
    choose(page, "positions-tomogram", "TS_02")
    press(page, "#positions-star")
    wait_until(lambda: page.execute_script("return saved.length") == 1)
    choose(page, "positions-tomogram", "")
    press(page, "#positions-csv")
    wait_until(lambda: page.execute_script("return saved.length") == 2)
    assert page.execute_script("return saved") == ["run_state_TS_02.star", "run_state_positions.csv"]
