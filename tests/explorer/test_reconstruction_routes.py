"""The routes of reconstructions: start, progress, result, and their refusals."""

import json

import numpy as np
import pytest
from page_actions import wait_until
from served_explorer import Explorer

from gem_plugin.io.mrc.maps import read_map


def start(explorer: Explorer, name: str, rows: np.ndarray) -> tuple[int, dict[str, object]]:
    status, content = explorer.ask(f"/api/reconstruction/start/{name}", rows.astype("<u4").tobytes())
    return status, json.loads(content)


@pytest.fixture(scope="module")
def explorer_with_one(explorer: Explorer) -> Explorer:
    """With the reconstruction by_routes of the first 200 particles."""
    status, answer = start(explorer, "by_routes", np.arange(200))
    assert status == 200, answer
    assert answer["name"] == "by_routes"
    wait_until(lambda: explorer.ask_json("/api/reconstruction")["state"] == "done")
    return explorer


def test_a_reconstruction_is_started_followed_and_shown(explorer_with_one: Explorer) -> None:
    explorer = explorer_with_one
    head, content = explorer.ask_packed("/api/reconstruction/result/by_routes")
    model = explorer.ask_json("/api/model")["model"]
    size, first = model["windowSize"], model["windowFirst"]
    inside = slice(first, first + size)
    path = explorer.run.explore.reconstruction("by_routes") / "selection.mrc"
    volume = read_map(path).volume[inside, inside, inside].clip(0)
    sent = np.frombuffer(content, np.uint8).reshape(volume.shape) * head["densityOf255"] / 255
    clipped = np.minimum(volume, head["densityOf255"])
    np.testing.assert_allclose(sent, clipped, atol=head["densityOf255"] / 200)
    assert set(head["curves"]) == {"unmasked", "masked", "phase_randomised", "corrected"}
    assert len(head["frequencies"]) == len(head["curves"]["corrected"])
    assert head["frequencies"][0] == 0.0
    assert head["numbers"]["particles"] == 200
    status, taken = start(explorer, "by_routes", np.arange(200))
    assert (status, taken["newName"]) == (409, "by_routes-2")


def test_a_reconstruction_looks_like_the_molecule(explorer_with_one: Explorer) -> None:
    """Same hand, centre and sign as the decoded map."""
    explorer = explorer_with_one
    head, content = explorer.ask_packed("/api/reconstruction/result/by_routes")
    _, decoded = explorer.ask_packed("/api/selection/molecule", np.arange(200).astype("<u4").tobytes())
    one = np.frombuffer(content, np.uint8).astype(float)
    other = np.frombuffer(decoded[: len(one)], np.uint8).astype(float)
    assert np.corrcoef(one, other)[0, 1] > 0.8, head["numbers"]


@pytest.mark.parametrize("name", ["..%2Fout", ".hidden", "a%2Fb", "x" * 61])
def test_names_cannot_lead_out_of_the_run(explorer: Explorer, name: str) -> None:
    status, _ = start(explorer, name, np.arange(50))
    assert status in (400, 404)
    assert explorer.ask(f"/api/reconstruction/result/{name}")[0] in (400, 404)


def test_without_the_token_nothing_is_started(explorer: Explorer) -> None:
    for path, body in (
        ("/api/reconstruction", None),
        ("/api/reconstruction/start/x", b""),
        ("/api/reconstruction/stop", b""),
    ):
        assert explorer.ask(path, body, with_token=False)[0] == 401
