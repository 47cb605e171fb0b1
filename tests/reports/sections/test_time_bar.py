"""The bar of the time in the report: one, in proportion, with a key."""

import re
from pathlib import Path

import pytest

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import write_step_summary
from gem_plugin.reports.sections.time_bar import time_bar
from gem_plugin.results.run import Run
from gem_plugin.results.time_spent import write_training_times


def test_the_widths_are_the_fractions_of_the_time(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    write_step_summary(files, "prepare", {"seconds": 25.0})
    write_step_summary(files, "train", {"seconds": 75.0})
    write_training_times(files, {"projection": 50.0, "loss <a>": 24.9})
    text = time_bar(Run(files))
    assert text.count('class="times"') == 1
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", text)]
    assert widths == pytest.approx([25, 50, 24.9, 0.1], abs=0.01)
    assert "train: projection: 50.0 s (50%)" in text
    assert "loss &lt;a&gt;" in text
    assert "<a>" not in text


def test_a_run_without_times_has_no_bar(tmp_path: Path) -> None:
    assert time_bar(Run(tmp_path)) == ""
