"""Maps to compare are the means of what they are said to be of, with sigma over the whole box."""

from typing import Any

import numpy as np
import pytest
from explorer_run import explorer_source
from served_explorer import Explorer

from gem_plugin.errors import InputError
from gem_plugin.explorer.compared_maps import ComparedMap, compared_map
from gem_plugin.explorer.opened_run import OpenedRun


@pytest.fixture(scope="module")
def opened(explorer: Explorer) -> OpenedRun:
    return OpenedRun(explorer.run)


def members(rows: list[int]) -> dict[str, Any]:
    import base64

    return {"kind": "rows", "data": base64.b64encode(np.array(rows, "<u4").tobytes()).decode()}


def test_a_basket_has_mean_and_standard_deviation_of_its_decoded_maps(opened: OpenedRun) -> None:
    found = compared_map(opened, {"of": "basket", "members": members([3, 40, 90])})
    source = explorer_source()
    maps = np.stack(list(source.decode(source.latents[[3, 40, 90]])))
    np.testing.assert_allclose(found.mean, maps.mean(axis=0), atol=1e-6)
    assert found.std is not None
    np.testing.assert_allclose(found.std, maps.std(axis=0), atol=1e-6)
    assert found.n_averaged == 3
    assert found.sigma == pytest.approx(float(maps.mean(axis=0).std()), rel=1e-5)


def test_one_map_has_no_variability(opened: OpenedRun) -> None:
    latents = explorer_source().latents[7]
    point = compared_map(opened, {"of": "point", "latents": latents.tolist()})
    one = compared_map(opened, {"of": "basket", "members": members([7])})
    np.testing.assert_allclose(point.mean, one.mean, atol=1e-6)
    assert point.std is None
    assert one.std is None
    assert point.std_on_surface(0.1) == 0


def test_a_state_is_the_mean_of_its_sketch_maps(opened: OpenedRun) -> None:
    sketch = opened.opened_sketch()
    states = np.where(np.arange(len(sketch.rows)) < 4, 1, 2)
    found = compared_map(opened, {"of": "state", "mapStates": states.tolist(), "number": 1})
    np.testing.assert_allclose(found.mean, sketch.average(states, 1).mean)
    assert found.n_averaged == 4


def test_colours_end_at_the_standard_deviation_on_the_surface_not_inside() -> None:
    mean = np.full((10, 10, 10), 0.0, np.float32)
    mean[2:4], mean[4:6] = 1.0, 9.0
    std = np.where(mean == 1, 0.3, np.where(mean == 9, 7.0, 0)).astype(np.float32)
    assert ComparedMap(mean, std, 5).std_on_surface(1.0) == pytest.approx(0.3)
    assert ComparedMap(mean, std, 5).std_on_surface(100.0) == 0


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"of": "all"}, "no map 'all' to compare; expected one of state, basket, point"),
        ([], "JSON object"),
        ({"of": "state", "mapStates": [1, 2], "number": 1}, "Expected a state for each"),
        ({"of": "basket", "members": {"kind": "rows", "data": ""}}, "Nothing is selected"),
        ({"of": "basket"}, "Expected the rows of a basket"),
        ({"of": "point", "latents": [1.0]}, "finite latents"),
    ],
)
def test_what_cannot_be_compared_is_refused(opened: OpenedRun, fields: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        compared_map(opened, fields)
