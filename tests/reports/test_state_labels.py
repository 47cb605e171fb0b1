"""What stands beside a state in ChimeraX and Mol*: population with its interval where it was estimated, and the verdict."""

from pathlib import Path

import pytest
from tiny_run import make_tiny_run

from gem_plugin.io.run.files import RunFiles
from gem_plugin.reports.state_labels import labels_of_states
from gem_plugin.results.populations import COLUMNS
from gem_plugin.results.run import Run


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    return make_tiny_run(tmp_path)


def test_a_run_without_estimated_populations_says_that_it_counted(run: RunFiles) -> None:
    labels = labels_of_states(Run(run))
    assert list(labels) == [1, 2, 3]
    counts = Run(run).state_counts
    assert labels[2] == f"State 2: {counts[2] / 3:.1f} % counted, not tested"


def test_estimated_populations_stand_with_their_interval(run: RunFiles) -> None:
    rows = [
        dict(zip(COLUMNS, ["1", "0.5", "0.52", "0.48", "0.56", "0", "0.1", "20", "micrographs", "1"])),
        dict(zip(COLUMNS, ["2", "0.3", "0.31", "0.27", "0.35", "0.5", "0.1", "20", "micrographs", "1"])),
        dict(zip(COLUMNS, ["3", "0.2", "0.17", "0.13", "0.21", "1.1", "0.2", "20", "micrographs", "1"])),
    ]
    lines = [",".join(COLUMNS), *(",".join(row[name] for name in COLUMNS) for row in rows)]
    run.landscape.populations.write_text("\n".join(lines) + "\n")
    assert labels_of_states(Run(run))[3] == "State 3: 17.0 % (13.0 % to 21.0 %), not tested"


def test_labels_are_ascii_and_quotable(run: RunFiles) -> None:
    for label in labels_of_states(Run(run)).values():
        assert label.isascii()
        assert not set(label) & set("\"'\\{}")
