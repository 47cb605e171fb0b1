"""The routes of the comparison: bytes on the grid of the page, files in the run, wrong requests refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from explorer_run import explorer_source
from served_explorer import Explorer

from gem_plugin.io.mrc.maps import read_map


def test_mean_and_variability_travel_as_bytes(explorer: Explorer) -> None:
    model = explorer.ask_json("/api/model")["model"]
    n_maps = explorer.ask_json("/api/model")["landscape"]["nMaps"]
    fields = {"of": "state", "mapStates": [1] * n_maps, "number": 1}
    head, content = explorer.ask_packed("/api/compare/map", fields)
    size = model["windowSize"]
    assert head["lengths"] == [size**3, size**3]
    assert head["mapSigma"] > 0
    assert head["largestStd"] > 0
    assert np.frombuffer(content[size**3 :], np.uint8).max() == 255
    same, mean = explorer.ask_packed("/api/state-map", fields)
    assert mean == content[: size**3]
    assert same["mapSigma"] == pytest.approx(head["mapSigma"])


def test_what_is_shown_is_written_for_chimerax_inside_the_run(explorer: Explorer) -> None:
    latents = explorer_source().latents[5]
    look = {"name": "path 0 %", "colour": "#112233", "opacity": 0.5, "level": 0.2}
    body = {"maps": [{"of": "point", "latents": latents.tolist(), **look}]}
    files = explorer.ask_json("/api/compare/chimerax/of-routes", body)["files"]
    script, volume = map(Path, files)
    assert script.parent == explorer.run.explore.chimerax("of-routes")
    expected = next(iter(explorer_source().decode(latents[None])))
    np.testing.assert_allclose(read_map(volume).volume, expected, atol=1e-6)
    status, content = explorer.ask("/api/compare/chimerax/of-routes", body)
    assert status in (400, 409)
    assert json.loads(content)["newName"] == "of-routes-2"


def test_wrong_requests_are_refused(explorer: Explorer) -> None:
    point = {"of": "point", "latents": explorer_source().latents[0].tolist(), "name": "a"}
    look = {"colour": "#112233", "opacity": 1, "level": 0.1}
    for path, body, reason in (
        ("map", {"of": "x"}, "no map 'x'"),
        ("chimerax/a", {"maps": []}, "Expected 1 to 6 maps"),
        ("chimerax/a", {"maps": [{**point, **look}] * 7}, "Expected 1 to 6 maps"),
        ("chimerax/a", {"maps": [{**point, **look, "colour": "red; exit"}]}, "colour as #rrggbb"),
        ("chimerax/a", {"maps": [{**point, **look, "level": 0}]}, "level above 0"),
        ("chimerax/..%2Fa", {"maps": [{**point, **look}]}, "cannot be used"),
    ):
        status, content = explorer.ask(f"/api/compare/{path}", body)
        assert status == 400, path
        assert reason in json.loads(content)["error"]
    assert explorer.ask("/api/compare/map", {"of": "x"}, with_token=False)[0] == 401
