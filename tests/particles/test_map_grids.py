"""Which grids of maps are taken, and by which factor they are resampled."""

import pytest

from gem_plugin.errors import InputError
from gem_plugin.notices import listening
from gem_plugin.particles.map_grids import Grid, resampling_factor

NEEDED = Grid(48, 5.0)


@pytest.mark.parametrize(
    ("given", "factor", "done"),
    [
        (Grid(24, 10.0), 0.5, "resampled"),  # bin 2
        (Grid(64, 3.75), 64 / 48, "resampled"),  # of the same width
        (Grid(64, 3.76), 64 / 48, "resampled"),  # and rounded
        (Grid(40, 5.0), 1.0, "padded"),
        (Grid(64, 5.01), 1.0, "cropped"),
        (Grid(32, 8.0), 5 / 8, "resampled"),
    ],
)
def test_factor_of_another_box(given: Grid, factor: float, done: str) -> None:
    with listening(lambda notice: None) as notices:
        assert resampling_factor(given, NEEDED, "map", "a.mrc") == pytest.approx(factor)
    assert len(notices) == 1
    assert f"it is {done} about its centre to 48 voxels of 5 A" in notices[0].sentence


def test_the_same_grid_says_nothing() -> None:
    with listening(lambda notice: None) as notices:
        assert resampling_factor(Grid(48, 5.01), NEEDED, "map", "a.mrc") == 1.0
    assert not notices


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (Grid(48, 5.03), "the map has 5.03 A per voxel, expected 5 A in a box of 48.*--rescale_angpix 5"),
        (Grid(48, 10.0), "the map has 10 A per voxel, expected 5 A in a box of 48"),
        (
            Grid(64, 1.0),
            r"the map has 64 voxels of 1 A .*\(64 A\), but 48 voxels .*\(240 A\) are needed: .* 0.27 times",
        ),
        (Grid(40, 2.5), "the map has 40 voxels of 2.5 A .* 0.42 times as wide"),
        (Grid(500, 5.0), "10 times as wide"),
    ],
)
def test_what_must_be_a_wrong_header_is_refused(given: Grid, says: str) -> None:
    with pytest.raises(InputError, match=says):
        resampling_factor(given, NEEDED, "map", "a.mrc")
