"""Which parts of the saved work still mean the same in a run, and how rows are packed."""

import base64
from typing import Any

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.explorer.work_parts import RunOfWork, fitting, part_name, rows_of_basket

RUN = RunOfWork(20, "particles", "latents", "sketch")


def packed(rows: list[int], kind: str, n_particles: int = 20) -> dict[str, str]:
    if kind == "rows":
        content = np.array(rows, "<u4").tobytes()
    else:
        bits = np.zeros(n_particles, np.uint8)
        bits[rows] = 1
        content = np.packbits(bits, bitorder="little").tobytes()
    return {"kind": kind, "data": base64.b64encode(content).decode()}


def parts() -> dict[str, Any]:
    return {
        "axes": {"x": "latent_1", "y": "latent_2"},
        "basket.a": {"name": "open", "members": packed([1, 19], "bits")},
        "waypoints": {"waypoints": [1]},
        "states": {"nStates": 3},
    }


@pytest.mark.parametrize("kind", ["rows", "bits"])
@pytest.mark.parametrize("rows", [[], [0], [3, 8, 19], list(range(20))])
def test_rows_of_a_basket_are_read_as_the_page_packs_them(kind: str, rows: list[int]) -> None:
    assert rows_of_basket(packed(rows, kind), 20).tolist() == rows


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (packed([20], "rows"), "names row 20; the run has 20 particles"),
        (packed([1], "bits", 40), "5 bytes of 'bits'"),
        ({"kind": "rows", "data": "AAA="}, "2 bytes of 'rows'"),
        ({"kind": "rows", "data": "?"}, "as base64"),
        ({"kind": "other", "data": ""}, "'other'"),
        (None, "as base64"),
    ],
)
def test_what_are_no_rows_is_refused(given: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        rows_of_basket(given, 20)


def test_in_the_same_run_everything_fits() -> None:
    assert fitting(parts(), RUN, RUN) == (parts(), [])


def test_after_training_baskets_keep_their_particles_and_paths_are_dropped() -> None:
    kept, sentences = fitting(parts(), RUN, RUN._replace(latents="other"))
    assert set(kept) == {"axes", "basket.a"}
    assert sentences == [
        "What no longer fits the run was dropped, as it was trained again: states that were clustered in the page, waypoints and path.",
        "The run was trained again: baskets hold the same particles as before, which may lie elsewhere now.",
    ]


def test_with_another_landscape_only_the_states_of_the_page_are_dropped() -> None:
    kept, sentences = fitting(parts(), RUN, RUN._replace(sketch="other"))
    assert set(kept) == {"axes", "basket.a", "waypoints"}
    assert sentences == [
        "What no longer fits the run was dropped, as its landscape was made again: states that were clustered in the page."
    ]


@pytest.mark.parametrize("now", [RUN._replace(particles="others"), RUN._replace(n_particles=21)])
def test_of_other_particles_no_basket_is_kept(now: RunOfWork) -> None:
    kept, (sentence,) = fitting(parts(), RUN, now)
    assert set(kept) == {"axes"}
    assert "its particles are others now: basket open" in sentence


def test_a_run_that_was_trained_since_for_the_first_time_loses_nothing_in_silence() -> None:
    kept, sentences = fitting({"basket.a": parts()["basket.a"]}, RUN._replace(latents=""), RUN)
    assert set(kept) == {"basket.a"}
    assert sentences == []


@pytest.mark.parametrize("name", ["", "a/b", "x" * 61, ".hidden", 3, None])
def test_names_of_parts_are_short_and_plain(name: Any) -> None:
    with pytest.raises(InputError, match="of a part of the work cannot be used"):
        part_name(name)
