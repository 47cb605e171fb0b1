"""The figure for a paper: 180 mm, letters of 6 to 8 points, text as text, panels only of what the run holds."""

import re
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from first_page_runs import run_of_kind
from matplotlib.text import Text

from gem_plugin.errors import InputError
from gem_plugin.io.run.settings import write_step_summary
from gem_plugin.reports.figures.save import TEXT_STYLE
from gem_plugin.reports.first_page import paper, paper_contents
from gem_plugin.reports.first_page.paper import EnergyPanel, PaperContents, paper_figure, paper_style
from gem_plugin.reports.first_page.paper_contents import (
    contents_of_paper,
    is_of_these_states,
    write_paper_figure,
)
from gem_plugin.results.run import Run

POINTS_PER_MM = 72 / 25.4


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "DOTS_PER_INCH", 60)
    monkeypatch.setattr(paper_contents, "FINE_GRID", 32)


@pytest.fixture
def contents(tmp_path: Path) -> PaperContents:
    return contents_of_paper(Run(run_of_kind(tmp_path, "good")))


def letters_of(contents: PaperContents) -> list[str]:
    with matplotlib.rc_context({**TEXT_STYLE, **paper_style()}):
        figure = paper_figure(contents)
        assert figure is not None
        texts = [one for one in figure.findobj(Text) if one.get_text()]
    assert all(6 <= one.get_fontsize() <= 8 for one in texts)
    return [one.get_text() for one in texts if one.get_text() in "abcdefg"]


def test_width_fonts_and_formats(tmp_path: Path) -> None:
    run = run_of_kind(tmp_path, "good")
    written = {path.suffix: path for path in write_paper_figure(Run(run))}
    assert set(written) == {".pdf", ".svg", ".png"}
    pdf = written[".pdf"].read_bytes()
    box = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf)
    assert box is not None
    assert float(box[1]) == pytest.approx(180 * POINTS_PER_MM, abs=0.5)
    assert b"/Type3" not in pdf
    assert b"/FontFile2" in pdf
    svg = written[".svg"].read_text()
    width = re.search(r'<svg[^>]* width="([\d.]+)pt"', svg)
    assert width is not None
    assert float(width[1]) == pytest.approx(180 * POINTS_PER_MM, abs=0.5)
    assert ">supported (15 sigma)</text>" in svg, "text stays text"
    assert "data:image/png;base64" in svg
    sizes = {float(size) for size in re.findall(r"font(?:-size)?: (?:bold |700 )?([\d.]+)px", svg)}
    assert sizes
    assert min(sizes) >= 6
    assert max(sizes) <= 8


def test_panels_are_lettered_and_those_without_content_are_absent(contents: PaperContents) -> None:
    assert letters_of(contents) == ["a", "b", "c", "d"]
    curve = (np.linspace(0, 0.1, 5), np.linspace(1, 0, 5), 1)
    assert letters_of(replace(contents, curves={"state 1": curve})) == ["a", "b", "c", "d", "e"]
    assert letters_of(replace(contents, molecule=None)) == ["a", "b"]
    assert letters_of(replace(contents, molecule=None, populations=None)) == ["a"]
    energy = EnergyPanel(np.ones((4, 4)), (0, 1, 0, 1), ("x", "y"), {1: np.array([0.5, 0.5])})
    assert letters_of(replace(contents, energy=energy)) == ["a", "b", "c", "d"]


def test_errors_of_the_populations_are_those_of_the_run(contents: PaperContents, tmp_path: Path) -> None:
    populations = contents.populations
    assert populations is not None
    assert populations.has_errors
    np.testing.assert_allclose(populations.upper - populations.lower, 0.05)
    counted = contents_of_paper(Run(run_of_kind(tmp_path / "other", "unchecked"))).populations
    assert counted is not None
    assert not counted.has_errors


def test_a_run_that_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"neither latents nor maps.*gem-em train"):
        write_paper_figure(Run(run_of_kind(tmp_path, "empty")))


def test_half_map_curves_are_those_of_these_states_only(tmp_path: Path) -> None:
    run = run_of_kind(tmp_path, "good")
    files = run.reconstruct
    files.root.mkdir()
    files.table.write_text("map,particles,resolution_in_angstroms\nall,300,9\nstate_001,100,10\n")
    for name in ("all", "state_001"):
        files.curves(name).write_text("resolution_in_angstroms,corrected\ninf,1\n48,0.9\n24,0.1\n")
    assert contents_of_paper(Run(run)).curves == {}, "reconstruct has not finished"
    write_step_summary(run, "reconstruct", {"maps": 2})
    curves = contents_of_paper(Run(run)).curves
    assert list(curves) == ["all particles", "state 1"]
    np.testing.assert_allclose(curves["state 1"][0], [0, 1 / 48, 1 / 24])
    run.manifest.write_text(
        '{"reconstruct": {"started": "2026-11-25T10:00:00Z"}, "landscape": {"started": "2026-11-25T11:00:00Z"}}'
    )
    assert not is_of_these_states(Run(run)), "the landscape was made again since"
