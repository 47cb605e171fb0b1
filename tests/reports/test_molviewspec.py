"""Scenes for Mol*: valid by the package that defines the format, and what they say of states and motion."""

import numpy as np
import pytest

from gem_plugin.reports.molviewspec import Surface, files_named, motion_scene, states_scene

STATES = [Surface(f"state_00{n}.mrc", "#0072B2", f"State {n}: 33.3 % counted, not tested") for n in (1, 2, 3)]
ARROWS = np.array([[[0, 0, 0], [5, 0, 0]], [[1, 1, 1], [1, 3, 1]]], float)


def nodes(tree: object, kind: str) -> list[dict]:
    found = []
    if isinstance(tree, dict):
        found += [tree] if tree.get("kind") == kind else []
        tree = list(tree.values())
    for one in tree if isinstance(tree, list) else []:
        found += nodes(one, kind)
    return found


@pytest.mark.parametrize(
    "scene", [states_scene(STATES, 0.3, 100, "states"), motion_scene(STATES, 0.3, ARROWS, "motion")]
)
def test_scenes_are_valid(scene: dict) -> None:
    molviewspec = pytest.importorskip("molviewspec")
    read = molviewspec.nodes.States.model_validate(scene)
    assert len(read.snapshots) == 2
    checked = 0
    for kind, params in (
        ("volume_representation", molviewspec.nodes.VolumeIsoSurfaceParams),
        ("download", molviewspec.nodes.DownloadParams),
        ("parse", molviewspec.nodes.ParseParams),
        ("opacity", molviewspec.nodes.OpacityInlineParams),
        ("canvas", molviewspec.nodes.CanvasParams),
    ):
        for node in nodes(scene, kind):
            assert set(node["params"]) <= set(params.model_fields), node
            params.model_validate(node["params"])
            checked += 1
    assert checked > 15


def test_states_are_shown_at_one_level_in_two_views_with_their_labels() -> None:
    scene = states_scene(STATES, 0.3, 100, "states")
    tiled, overlay = scene["snapshots"]
    assert {one["params"]["absolute_isovalue"] for one in nodes(scene, "volume_representation")} == {0.3}
    for view in (tiled, overlay):
        assert [one["params"]["text"] for one in nodes(view, "primitive")] == [one.label for one in STATES]
    corners = [one["params"]["translation"] for one in nodes(tiled, "transform")]
    assert corners == [[0, 0, 0], [115, 0, 0], [0, -115, 0]], "apart by more than the width of a map"
    assert len(nodes(overlay, "opacity")) == 3
    assert files_named(scene) == [one.name for one in STATES]


def test_motion_has_its_arrows_in_the_second_view() -> None:
    coloured, arrows = motion_scene(STATES, 0.3, ARROWS, "motion")["snapshots"]
    assert nodes(coloured, "primitive") == []
    assert [one["params"]["end"] for one in nodes(arrows, "primitive")] == [[5, 0, 0], [1, 3, 1]]
    assert len(motion_scene(STATES, 0.3, ARROWS[:0], "none")["snapshots"]) == 1
