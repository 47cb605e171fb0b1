"""The chapter on positions: what was found, a row for each state, distances; nothing for single particles."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from tilt_projects import RELION
from tilt_run import make_tilt_run

from gem_plugin.landscape.neighbouring_states import NeighbouringStates
from gem_plugin.progress import Progress
from gem_plugin.reports.first_page.contents import FirstPage
from gem_plugin.reports.report_page import report_text
from gem_plugin.reports.sections.positions import (
    has_positions_section,
    neighbours_table,
    positions_section,
)
from gem_plugin.results.run import Run
from gem_plugin.results.state_positions import StatePositions
from gem_plugin.steps.landscape.positions import write_positions

STATES = np.array([1, 2] * 6)


def test_the_chapter_has_figure_tables_and_files(tilt_project: Path, tmp_path: Path) -> None:
    run = make_tilt_run(tilt_project, tmp_path / "run", RELION, STATES)
    job = SimpleNamespace(run=run, settings=SimpleNamespace(seed=0), progress=Progress(io.StringIO()))
    assert not has_positions_section(Run(run))
    assert positions_section(Run(run)) == ""
    write_positions(job, STATES, run.landscape.positions, run.figures)
    text = report_text(FirstPage(Run(run)), [])
    assert (
        '<section id="positions"><h2>States in the tomograms</h2><p><strong>Positions in the tomograms:'
        in text
    )
    text = positions_section(Run(run))
    assert "<b>States in a tomogram.</b>" in text
    assert "neighbours in the same state, of 6" in text
    assert "to the nearest of state 2, Å (by chance)" in text
    assert "landscape/positions.star has tomogram, coordinates, angles and state" in text
    assert "without any biology" in text


def test_numbers_have_their_errors_and_verdicts() -> None:
    numbers = NeighbouringStates(
        np.array([1200, 40]),
        np.array([0.6, 0.2]),
        np.array([0.015, np.nan]),
        np.array([0.4, 0.21]),
        np.array([0.02, 0.03]),
        np.array([0.002, 0.8]),
        np.zeros((2, 2)),
        np.zeros((2, 2)),
        6,
        12,
    )
    text = neighbours_table(StatePositions(numbers))
    cells = (
        "<td>1</td><td>1,200</td><td>60.0 ± 1.5 %</td><td>40.0 ± 2.0 %</td><td>0.002</td><td>together</td>"
    )
    assert cells in text
    assert "<td>20.0 %</td><td>21.0 ± 3.0 %</td><td>0.8</td><td>no difference from chance found</td>" in text
