"""Which slice shows which tilt."""

import numpy as np
import pytest

from gem_plugin.particles.tilt_series.visible_frames import (
    COMPACT,
    INDEXED,
    layout_of,
    parse_flags,
    slices_of,
)


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("[1,0,1]", [1, 0, 1]),
        ("[ 1, 0 ,1 ]", [1, 0, 1]),
        ("[0]", [0]),
        ("[1,3]", None),
        ("1,0", None),
        ("", None),
    ],
)
def test_lists_of_flags(text: str, flags: list[int] | None) -> None:
    found = parse_flags(text)
    assert (None if found is None else found.astype(int).tolist()) == flags


def test_layouts() -> None:
    flags = np.array([True, False, True, True])
    assert layout_of(3, flags) == COMPACT
    assert layout_of(4, flags) == INDEXED
    assert layout_of(2, flags) is None
    assert layout_of(4, np.ones(4, bool)) == COMPACT  # both readings are one


def test_slices() -> None:
    flags = np.array([[True, False, True, True]] * 2)
    slices = slices_of(flags, np.array([True, False]))
    assert slices[0][flags[0]].tolist() == [0, 1, 2]
    assert slices[1][flags[1]].tolist() == [0, 2, 3]
