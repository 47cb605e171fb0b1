"""The maps that the page holds for the browser come back as they are, and so does the library."""

import base64
import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest
from first_page_runs import run_of_kind

from gem_plugin.reports.first_page import surface_viewer
from gem_plugin.reports.first_page.molecule import molecule_of
from gem_plugin.reports.first_page.surface_viewer import GRID, LIBRARY, packed_library, surface_data
from gem_plugin.results.run import Run


def unpacked(text: str) -> bytes:
    return gzip.decompress(base64.b64decode(text))


@pytest.fixture
def data(tmp_path: Path) -> dict:
    molecule = molecule_of(Run(run_of_kind(tmp_path, "good")), 40)
    assert molecule is not None
    text = surface_data(molecule, {1: "supported (12 sigma)"})
    return json.loads(re.sub("<.*?>", "", text))


def test_maps_are_bytes_on_one_grid_with_the_level_in_range(data: dict) -> None:
    assert [one["title"] for one in data["maps"]] == ["state 1", "state 2", "state 3", "consensus"]
    assert data["maps"][0]["note"] == "supported (12 sigma)"
    for one in data["maps"]:
        values = np.frombuffer(unpacked(one["bytes"]), np.uint8)
        assert len(values) == GRID**3
        assert (values > one["level"]).any()
        assert 80 < one["level"] < 255
    middles = [x_of_middle(one["bytes"]) for one in data["maps"][:3]]
    assert middles[0] < middles[1] < middles[2], "x is the fastest axis, along which the ball moves"


def x_of_middle(text: str) -> float:
    values = np.frombuffer(unpacked(text), np.uint8).reshape(GRID, GRID, GRID).astype(float)
    return float(values.sum(axis=(0, 1)) @ np.arange(GRID) / values.sum())


def test_the_consensus_has_the_colours_of_its_change(data: dict) -> None:
    consensus = data["maps"][-1]
    assert consensus["note"] == "motion (Å)"
    assert len(consensus["colours"]) == 16
    assert len(unpacked(consensus["change"])) == GRID**3
    assert np.frombuffer(unpacked(consensus["change"]), np.uint8).max() > 100


def test_the_library_is_packed_whole_and_small() -> None:
    from importlib.resources import files

    assert unpacked(packed_library()) == files("gem_plugin").joinpath(*LIBRARY).read_bytes()
    assert len(packed_library()) < 600_000
    assert surface_viewer.surface_viewer("") == "", "nothing to rotate, so no library"
