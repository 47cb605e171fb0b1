"""What the page gets of compared samples; the panel in a browser, with the particles in the colours of their samples."""

from pathlib import Path

import numpy as np
import pytest
from explorer_run import N_PARTICLES, explorer_source, make_explorer_run
from page_actions import Page, open_page, press, text_of, wait_until
from served_explorer import serve
from simulated_posteriors import two_samples

from gem_plugin.explorer.samples import described_samples
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.sample_comparison import compare_samples
from gem_plugin.results.run import Run
from gem_plugin.results.sample_comparison import ComparedSamples
from gem_plugin.results.samples import Samples


def save_comparison(run: RunFiles) -> None:
    found = compare_samples(*two_samples((0.8, 0.6), 0), np.random.default_rng(0))
    ComparedSamples.of(found, ["apo", "atp"], "rlnOpticsGroup", "micrographs", True).save(run.landscape)
    numbers = 1 + np.arange(N_PARTICLES) % 2
    Samples("rlnOpticsGroup", ("apo", "atp"), numbers).save(run.landscape.samples)


def test_verdicts_and_fractions_of_every_state(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    assert described_samples(Run(run)) is None
    save_comparison(run)
    found = described_samples(Run(run))
    assert found is not None
    assert found["names"] == ["apo", "atp"]
    assert found["verdicts"][0].startswith("apo and atp differ in states 1 and 2")
    assert [state["differs"] for state in found["states"]] == [True, True]
    for state in found["states"]:
        assert all(
            low <= value <= high
            for low, value, high in zip(state["lower"], state["fractions"], state["upper"])
        )


def test_the_panel_shows_them_and_colours_by_sample(
    tmp_path: Path, browser: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_explorer_run(tmp_path)
    save_comparison(run)
    monkeypatch.setattr(Run, "decoder", lambda opened, *grid: explorer_source())
    for explorer in serve(run):
        open_page(browser, explorer)
        assert "apo and atp differ in states 1 and 2" in text_of(browser, "samples-verdict")
        rows = browser.execute_script("return document.querySelectorAll('#samples-table tr.differs').length")
        assert rows == 2
        press(browser, "#samples-colour")
        wait_until(lambda: browser.execute_script("return gem.plot.chosen.colour.name === 'sample'"))
        assert "1 apo, 2 atp" in browser.execute_script("return gem.plot.chosen.colour.label")
