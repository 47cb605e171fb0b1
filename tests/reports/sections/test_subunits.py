"""The chapter on subunits: there where particles have several views, with the sentence, the table and the caution."""

import io
from pathlib import Path

import numpy as np
from full_run import make_full_run, report_text_of
from symmetric_project import run_of_star_views

from gem_plugin.progress import Progress
from gem_plugin.reports.sections.subunits import pattern_in_words, subunits_section
from gem_plugin.results.run import Run
from gem_plugin.steps.landscape.subunits import write_subunits

QUIET = Progress(io.StringIO())


def test_the_chapter_has_the_numbers(tmp_path: Path) -> None:
    run = run_of_star_views(tmp_path)
    states = np.array([1, 1, 2] * 5 + [2, 2, 2])
    write_subunits(run.files, run.files.landscape.subunits, states, QUIET)
    text = subunits_section(Run(run.files))
    assert (
        "Each particle has 3 subunits: 55.6 % in state 1 (not tested), 44.4 % in state 2 (not tested)" in text
    )
    assert "<td>2 in state 1, 1 in state 2</td><td>5</td>" in text
    assert "Their states do not differ from independent ones: cooperativity" in text
    assert "errors of their states are alike" in text


def test_a_run_with_one_view_each_has_no_such_chapter(tmp_path: Path) -> None:
    run = make_full_run(tmp_path / "run")
    assert subunits_section(Run(run)) == ""
    assert "Subunits of each particle" not in report_text_of(run)


def test_combinations_in_words() -> None:
    assert pattern_in_words((3, 0, 1)) == "3 in state 1, 1 in state 3"
