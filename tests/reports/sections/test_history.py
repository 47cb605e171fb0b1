"""What was done: steps in the order of the work, with times that can be read."""

import json
from pathlib import Path

import pytest

from gem_plugin.reports.sections.history import duration_in_words, history_rows, history_section
from gem_plugin.results.run import Run


def test_steps_of_an_earlier_job_come_first_and_one_without_an_end_says_so(tmp_path: Path) -> None:
    summary = {
        "prepare": {"particles": 3000, "box": 64, "seconds": 2.0},
        "train": {"epochs": 60, "seconds": 8000},
        "report": {"seconds": 4, "warnings": 3},
    }
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    manifest = {
        "report": {"started": "2026-11-25T12:00:00Z"},
        "landscape": {"started": "2026-11-25T11:18:13Z"},
        "own": {},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    rows = history_rows(Run(tmp_path))
    assert [row[0] for row in rows] == ["prepare", "train", "landscape", "report", "own"]
    assert rows[0] == ("prepare", "", "2 s", "3,000 particles, boxes of 64 pixels")
    assert rows[1][2:] == ("2 h 13 min", "60 epochs")
    assert rows[2] == ("landscape", "2026-11-25 11:18 UTC", "not finished", "")
    assert rows[3][2:] == ("", ""), "this report is not finished while it is written"


def test_an_empty_folder_has_no_history(tmp_path: Path) -> None:
    assert history_section(Run(tmp_path)) == "<p>No step has finished yet.</p>"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (119, "119 s"), (200, "3 min"), (7300, "2 h 02 min"), (90000, "25 h 00 min")],
)
def test_times_are_as_long_as_they_need_be(seconds: float, text: str) -> None:
    assert duration_in_words(seconds) == text
