"""Scripts of all states: one level, the colours of the states, labels under their tiles, panels of 180 mm at 600 dots per inch."""

import re

import numpy as np
import pytest

from gem_plugin.reports.chimerax_states import (
    Extent,
    StateModel,
    extent_of,
    figure_script,
    overlay_script,
    states_script,
)
from gem_plugin.reports.figures.save import colour_of_group

EXTENT = Extent(50.0, 80.0)
MODELS = [
    StateModel(
        f"../states/state_{n:03d}.mrc", n, f"State {n}: 33.1 % (30.0 % to 36.2 %), supported (12 sigma)"
    )
    for n in (1, 2, 4)
]


@pytest.mark.parametrize("script", [states_script, overlay_script, figure_script])
def test_every_state_has_its_colour_its_label_and_the_same_level(script) -> None:
    text = script(MODELS, 0.25, EXTENT)
    for model, state in enumerate(MODELS, start=1):
        assert f'open "{state.path}" id #{model} name "{state.label}"' in text
        assert f"volume #{model} level 0.25 step 1 color {colour_of_group(state.number)}" in text
    assert set(re.findall(r"level (\S+)", text)) == {"0.25"}
    assert "scalebar 25 " in text, "at most four tenths of the width, a round number"


def test_both_views_can_be_reached() -> None:
    lines = states_script(MODELS, 0.25, EXTENT).splitlines()
    names = [line for line in lines if line.startswith("view name")]
    assert names == ["view name overlay", "view name tiled"]
    (tile,) = [index for index, line in enumerate(lines) if line.startswith("tile")]
    assert lines.index(names[0]) < tile < lines.index(names[1]), (
        "the overlay is kept before the models are moved"
    )
    aliases = {line.split()[1]: line for line in lines if line.startswith("alias")}
    assert "transparency 0.5" in aliases["states_overlay"]
    assert "transparency 0;" in aliases["states_tiled"]


def test_labels_fit_under_their_tiles() -> None:
    (label,) = re.findall(
        r"^label .* height (\S+) offset (\S+),(\S+),0", states_script(MODELS, 1, EXTENT), re.M
    )
    height, left, below = map(float, label)
    (factor,) = re.findall(r"spacingFactor (\S+)", states_script(MODELS, 1, EXTENT))
    spacing = float(factor) * EXTENT.radius
    assert spacing > 2 * EXTENT.half_side + height
    assert -2 * left <= spacing
    assert -below > EXTENT.half_side + height, "under the molecule"
    assert -below < spacing - EXTENT.half_side, "above the next row"


def test_one_state_is_not_tiled() -> None:
    text = states_script(MODELS[:1], 0.25, EXTENT)
    assert "tile " not in text.split("\nset ")[1]
    assert "label #1 models" in text


def test_panels_are_180_mm_at_600_dots_per_inch() -> None:
    text = figure_script(
        MODELS, 0.25, EXTENT, ("mean.mrc", "motion.mrc", 0.2, 7.5), ("mean.mrc", "a.bild", 0.2)
    )
    saved = re.findall(r'save "(\w+)\.png" width (\d+)', text)
    assert [name for name, _ in saved] == [
        "figure_states_tiled",
        "figure_states_overlay",
        "figure_motion",
        "figure_arrows",
    ]
    assert all(abs(int(width) / 600 * 25.4 - 180) < 0.1 for _, width in saved)
    assert text.count("transparentBackground true") == text.count("close session") == 4


def test_extent_is_that_of_the_largest_surface() -> None:
    small, long = np.zeros((2, 20, 20, 20))
    small[9:11, 9:11, 9:11] = 1
    long[10, 10, 3:15] = 1
    extent = extent_of([small, long], 0.5, 2.0)
    assert extent.half_side == 12
    assert extent.radius == pytest.approx(np.sqrt(12**2 + 1 + 1))
    assert extent_of([np.zeros((8, 8, 8))], 0.5, 2.0).half_side == 8, "where nothing is, the map"
