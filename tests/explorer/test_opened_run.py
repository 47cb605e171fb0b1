"""The explorer on the landscape of a cryoDRGN run: its particles, its decoder, its states."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from page_actions import Page, count_of_pixels, open_page, pixel_of, text_of, wait_until
from served_explorer import Explorer, serve

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import write_step_settings
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.results.cryodrgn_decoder import open_cryodrgn_source
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.step import run_landscape


@pytest.fixture(scope="module")
def cryodrgn(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Explorer, VolumeSource]]:
    """The landscape of their run, served, and its decoder."""
    tmp_path = tmp_path_factory.mktemp("cryodrgn")
    theirs = shared_data / "cryodrgn_run"
    if not theirs.is_dir():
        pytest.skip("the cryoDRGN run (../shared/data/cryodrgn_run) is absent")
    work = tmp_path / "work"
    work.mkdir()
    for name in ("config.yaml", "weights.5.pkl", "z.5.pkl"):
        shutil.copyfile(theirs / name, work / name)
    run = RunFiles(tmp_path / "landscape.5")
    settings = LandscapeSettings(
        sketch_size=12,
        downsample=16,
        n_states=3,
        skip_umap=True,
        pc_dim=3,
        plot_dim=0,
        workdir=work,
        epoch="5",
    )
    run_landscape(run, settings, Progress(io.StringIO()))
    write_step_settings(run, "landscape", settings)  # as the command line does
    source = open_cryodrgn_source(work, "5", 16, None, False)
    for served in serve(run):
        yield served, source


def test_a_cryodrgn_landscape_can_be_explored(cryodrgn: tuple[Explorer, VolumeSource]) -> None:
    served, source = cryodrgn
    run = served.run
    described = served.ask_json("/api/run")
    assert described["nParticles"] == source.n_particles
    assert described["training"]["isFinished"]
    assert {"latent_1", "state"} <= {column["name"] for column in described["columns"]}
    model = served.ask_json("/api/model")["model"]
    assert not model["hasImages"]
    _, content = served.ask_packed("/api/molecule", {"row": 5})
    size, first = model["windowSize"], 8 - model["windowSize"] // 2
    volume = next(iter(source.decode(source.latents[5:6])))
    window = volume[first : first + size, first : first + size, first : first + size].clip(0)
    shown = np.frombuffer(content, np.uint8).reshape(window.shape) * model["densityOf255"] / 255
    np.testing.assert_allclose(shown, window, atol=model["densityOf255"] / 255)
    head, _ = served.ask_packed("/api/states", {"nStates": 2, "linkage": "ward", "region": "whole"})
    assert sum(head["counts"]) == source.n_particles
    rows = np.array([4, 2], "<u4")
    answer = served.ask_json("/api/save/selection/particles/mine", rows.tobytes())
    assert answer["files"] == [str(run.explore.root / "mine_rows.txt")]
    assert (run.explore.root / "mine_rows.txt").read_text().split() == ["2", "4"]


def test_a_cryodrgn_particle_is_clicked_and_its_molecule_shown(
    cryodrgn: tuple[Explorer, VolumeSource], browser: Page
) -> None:
    served, source = cryodrgn
    open_page(browser, served)
    browser.execute_script("return gem.plot.setAxes('latent_1', 'latent_2', 'state')")
    wait_until(lambda: count_of_pixels(browser, "points", "r + g + b < 700") > 100)
    x, y = pixel_of(browser, 7)
    browser.execute_script("return gem.click(arguments[0], arguments[1])", x, y)
    wait_until(lambda: text_of(browser, "molecule-title").startswith("particle row"))
    wait_until(lambda: not browser.execute_script("return gem.molecule.isBusy"))
    clicked = browser.execute_script("return gem.plot.markedRow")
    shown = browser.execute_script("return gem.molecule.subject.latents")
    np.testing.assert_allclose(shown, source.latents[clicked], atol=1e-5)
    assert count_of_pixels(browser, "surface", "b > r + 20") > 500, "a blue surface"
