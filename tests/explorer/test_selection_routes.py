"""The routes of a selection: what travels is what was computed; wrong rows are refused; behind the guard."""

import json

import numpy as np
import pytest
from arm_model import BOX_SIZE
from explorer_run import N_PARTICLES, explorer_source
from served_explorer import Explorer

ADDRESSES = ("/api/selection/molecule", "/api/selection/facts", "/api/selection/images")


def rows_as_bytes(rows: np.ndarray) -> bytes:
    return rows.astype("<u4").tobytes()


def test_mean_and_difference_travel_as_bytes_on_the_grid_of_the_page(explorer: Explorer) -> None:
    model = explorer.ask_json("/api/model")["model"]
    size, first, scale = model["windowSize"], model["windowFirst"], model["densityOf255"]
    head, content = explorer.ask_packed("/api/selection/molecule", rows_as_bytes(np.array([5, 6])))
    assert head["lengths"] == [size**3, size**3]
    source = explorer_source()
    mean = np.mean(list(source.decode(source.latents[[5, 6]])), axis=0)
    inside = slice(first, first + size)
    sent = np.frombuffer(content[: size**3], np.uint8).reshape(size, size, size)
    np.testing.assert_allclose(sent * scale / 255, mean[inside, inside, inside].clip(0), atol=scale / 200)
    signed = np.frombuffer(content[size**3 :], np.uint8).astype(int) - 128
    assert 126 <= np.abs(signed).max() <= 128, "scaled to its largest value"
    assert (head["particles"], head["averaged"]) == (2, 2)
    assert head["sigma"] > 0


def test_all_particles_have_no_difference(explorer: Explorer) -> None:
    head, _ = explorer.ask_packed("/api/selection/molecule", rows_as_bytes(np.arange(N_PARTICLES)))
    assert len(head["lengths"]) == 1
    assert "there is no rest" in head["sentence"]


def test_facts_and_images(explorer: Explorer) -> None:
    rows = rows_as_bytes(np.arange(40))
    assert explorer.ask_json("/api/selection/facts", rows)["particles"] == 40
    head, content = explorer.ask_packed("/api/selection/images", rows)
    assert (len(head["rows"]), head["nearest"], head["imageSize"]) == (16, 8, BOX_SIZE)
    assert len(content) == 16 * BOX_SIZE**2 * 4


@pytest.mark.parametrize("address", ADDRESSES)
def test_wrong_rows_are_refused_with_a_reason(explorer: Explorer, address: str) -> None:
    for body, reason in (
        (b"", "Nothing is selected"),
        (b"abc", "four bytes each"),
        (rows_as_bytes(np.array([N_PARTICLES])), f"row {N_PARTICLES}; the run has {N_PARTICLES}"),
    ):
        status, content = explorer.ask(address, body)
        assert status == 400
        assert reason in json.loads(content)["error"]
    assert explorer.ask(address, b"", with_token=False)[0] == 401
