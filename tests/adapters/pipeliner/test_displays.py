"""Displays of a finished job, of an empty one, and of one with damaged files."""

import json
from pathlib import Path

import pytest

pytest.importorskip("pipeliner.display_tools")

from adapters.pipeliner.made_jobs import finished_job

from gem_plugin.adapters.pipeliner.displays import displays_of_job

WHOLE = ["image", "text", "table", "montage", "mapmodel", "image", "graph", "html", "pdffile"]


def test_every_part_is_there_in_its_order_and_is_strict_json(project_folder: Path) -> None:
    run = finished_job(project_folder / "GemEm" / "job001")
    displays = displays_of_job(run.root.relative_to(project_folder))
    assert [one.dobj_type for one in displays] == WHOLE
    for display in displays:
        display.write_displayobj_file(str(run.root))
        json.dumps(vars(display), allow_nan=False)
    assert len(list(run.root.glob(".results_display*.json"))) == len(WHOLE)
    maps = displays[WHOLE.index("mapmodel")]
    assert [colour[-6:] for colour in maps.maps_colours] == ["0072B2", "E69F00"]
    assert maps.title == "3D viewer: state 1, state 2"


def test_a_job_without_results_shows_nothing_and_does_not_fail(tmp_path: Path) -> None:
    assert displays_of_job(tmp_path) == []
    assert displays_of_job(tmp_path / "not_there") == []


@pytest.mark.parametrize("damaged", ["checks", "history", "warnings", "state_table"])
def test_a_damaged_file_takes_only_its_own_part(damaged: str, project_folder: Path) -> None:
    run = finished_job(project_folder / "job001")
    path = {
        "checks": run.checks,
        "history": run.history,
        "warnings": run.warnings,
        "state_table": run.landscape.state_table,
    }[damaged]
    path.write_text("epoch,loss\n1,x\n" if damaged == "history" else "a\nb\n")
    found = [one.dobj_type for one in displays_of_job(run.root)]
    gone = {"checks": "text", "warnings": "text", "history": "graph", "state_table": "table"}[damaged]
    assert found == ["text" if kind == gone else kind for kind in WHOLE]
    (said,) = [one for one in displays_of_job(run.root) if one.title == "Not shown"]
    assert "See report.html" in said.display_data
