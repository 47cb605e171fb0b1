"""ChimeraX scripts that show all states at once: side by side, as an overlay, and as panels of a figure.

Commands are those of the ChimeraX user guide; `scalebar` is there since ChimeraX 1.3, labels of whole models since 1.8.
ChimeraX was not at hand when this was written: the commands were held against its documentation and declarations.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gem_plugin.reports.chimerax_scripts import (
    arrows_commands,
    colour_commands,
    open_command,
    quoted,
    script_text,
)
from gem_plugin.reports.figures.palette import colour_of_group

OVERLAY_TRANSPARENCY = 0.5
SPACING = (
    2.5  # between the middles of neighbours, over half the largest extent: a gap, and a line of text in it
)
MINIMUM_SPACING_FACTOR = 1.0
LETTER_WIDTH = 0.55  # over the height of a label: Arial, on average
MAXIMUM_LABEL_HEIGHT = 0.16  # over half the largest extent
WINDOW = 1063  # pixels; four of them in the file for each on the screen
PIXELS_OF_FILE = 4
WIDTH_IN_PIXELS = WINDOW * PIXELS_OF_FILE  # 180 mm at 600 dots per inch
ROUND_LENGTHS = (5, 10, 20, 25, 50, 100, 200, 250, 500, 1000)  # Angstrom, of scale bars
BAR_FRACTION = 0.4  # of the extent of a state: the scale bar is at most this long
NEEDS_SCALE_BAR = "# needs ChimeraX 1.3 or later (scale bar)"
NEEDS = "# needs ChimeraX 1.8 or later (labels of models), with its window: not --nogui"


@dataclass(frozen=True)
class StateModel:
    """The map of one state as a model in ChimeraX."""

    path: str  # relative to the folder of the script
    number: int  # of the state
    label: str  # ASCII: number, population, badge


@dataclass(frozen=True)
class Extent:
    """The size of the largest surface of the states."""

    half_side: float  # Angstrom: half the longest side of its bounding box
    radius: float  # Angstrom: from the middle to a corner of that box


def extent_of(
    volumes: Sequence[np.ndarray],  # each (z, y, x)
    level: float,
    pixel_size_in_angstroms: float,
) -> Extent:
    """The largest bounding box of what is above the level in any map; that of the whole map where nothing is."""
    sides = []
    for volume in volumes:
        found = [np.flatnonzero((volume > level).any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
        sides.append(
            [float(one[-1] - one[0] + 1) if len(one) else float(n) for one, n in zip(found, volume.shape)]
        )
    in_angstroms = pixel_size_in_angstroms * np.array(sides)
    radii = np.linalg.norm(in_angstroms, axis=1) / 2
    return Extent(float(in_angstroms.max()) / 2, float(radii.max()))


def states_script(states: Sequence[StateModel], level: float, extent: Extent) -> str:
    """All states side by side with labels; commands and named views that change between this and the overlay."""
    models = _models(states)
    lines = [
        "# mean map of every state at one density level; type states_overlay or states_tiled, or: view overlay, view tiled",
        NEEDS,
        *_opened(states, level),
        *_window(1),
        *_scale_bar(extent),
        "view",
        "view name overlay",
        *_tiled(states, extent),
        "view name tiled",
        "alias states_overlay view overlay; mousemode left rotate; "
        f"volume {models} transparency {OVERLAY_TRANSPARENCY}; ~label {models} models",
        'alias states_tiled view tiled; mousemode left "rotate independent"; '
        f"volume {models} transparency 0; {_label_command(states, extent)}",
    ]
    return script_text(lines, view=False)


def overlay_script(states: Sequence[StateModel], level: float, extent: Extent) -> str:
    """All states on each other, transparent, with a legend in their colours."""
    lines = [
        "# all states on each other at one density level; hide one with: hide #1 models",
        NEEDS_SCALE_BAR,
        *_opened(states, level),
        *_window(1),
        *_overlaid(states, extent),
        "view",
    ]
    return script_text(lines, view=False)


def figure_script(
    states: Sequence[StateModel],
    level: float,
    extent: Extent | None,
    motion: tuple[str, str, float, float] | None = None,  # mean map, map of motion, level, highest value
    arrows: tuple[str, str, float] | None = None,  # mean map, arrows, level
) -> str:
    """Save the panels of a paper as PNG with a transparent background, 180 mm wide at 600 dots per inch."""
    lines = [
        f"# saves figure_*.png beside this script: {WIDTH_IN_PIXELS} pixels, 180 mm at 600 dots per inch, transparent",
        NEEDS,
    ]
    if states and extent is not None:
        rows = math.ceil(len(states) / _columns(len(states))) / _columns(len(states))
        lines += [*_opened(states, level), *_page(rows), *_tiled(states, extent), *_scale_bar(extent)]
        lines += [_save("figure_states_tiled", rows), "close session"]
        lines += [*_opened(states, level), *_page(1), *_overlaid(states, extent), "view"]
        lines += [_save("figure_states_overlay", 1), "close session"]
    if motion is not None:
        mean_map, values, own_level, highest = motion
        lines += [*colour_commands(mean_map, values, own_level, highest), *_page(1), "view"]
        lines += [f'2dlabels text "rms motion (\\u00c5)" size {_TEXT} xpos 0.7 ypos 0.15']
        lines += [
            *(_scale_bar(extent) if extent is not None else []),
            _save("figure_motion", 1),
            "close session",
        ]
    if arrows is not None:
        lines += [*arrows_commands(*arrows), *_page(1), "view", _save("figure_arrows", 1), "close session"]
    return "\n".join(lines) + "\n"


_TEXT = 22  # points on the screen


def _opened(states: Sequence[StateModel], level: float) -> list[str]:
    lines = []
    for model, state in enumerate(states, start=1):
        lines.append(open_command(state.path, model, state.label))
        lines.append(f"volume #{model} level {level:.5g} step 1 color {colour_of_group(state.number)}")
    return lines


def _window(rows: float) -> list[str]:
    return [f"windowsize {WINDOW} {round(WINDOW * rows)}"]


def _page(rows: float) -> list[str]:
    """The look of a figure; without perspective a scale bar is true at any depth."""
    looks = ["set bgColor white", "camera ortho", "lighting soft", "graphics silhouettes true"]
    return [*_window(rows), *looks]


def _columns(n_states: int) -> int:
    return math.ceil(math.sqrt(n_states))


def _models(states: Sequence[StateModel]) -> str:
    return "#1" if len(states) == 1 else f"#1-{len(states)}"


def _tiled(states: Sequence[StateModel], extent: Extent) -> list[str]:
    """Side by side, each with its label under it; one state is tiled with nobody."""
    factor = max(MINIMUM_SPACING_FACTOR, SPACING * extent.half_side / max(extent.radius, 1e-6))
    tile = f"tile {_models(states)} columns {_columns(len(states))} spacingFactor {factor:.2f}"
    return [*([tile] if len(states) > 1 else []), _label_command(states, extent), "view"]


def _label_command(states: Sequence[StateModel], extent: Extent) -> str:
    """Labels are the names of the models, as tall as fits under the longest one."""
    longest = max(len(state.label) for state in states)
    room = 0.95 * SPACING * extent.half_side
    height = min(MAXIMUM_LABEL_HEIGHT * extent.half_side, room / (LETTER_WIDTH * longest))
    left, below = 0.5 * LETTER_WIDTH * height * longest, extent.half_side + 1.5 * height
    return f"label {_models(states)} models color black height {height:.3g} offset {-left:.4g},{-below:.4g},0"


def _overlaid(states: Sequence[StateModel], extent: Extent) -> list[str]:
    lines = [f"volume {_models(states)} transparency {OVERLAY_TRANSPARENCY}"]
    step = min(0.045, 0.9 / len(states))
    for row, state in enumerate(states):
        where = f"xpos 0.02 ypos {0.95 - step * row:.3f}"
        lines.append(
            f"2dlabels text {quoted(state.label)} color {colour_of_group(state.number)} size {_TEXT} {where}"
        )
    return [*lines, *_scale_bar(extent)]


def _scale_bar(extent: Extent) -> list[str]:
    fitting = [length for length in ROUND_LENGTHS if length <= BAR_FRACTION * 2 * extent.half_side]
    length = fitting[-1] if fitting else ROUND_LENGTHS[0]
    return [
        f"scalebar {length} thickness 6 xpos 0.02 ypos 0.03 color black",
        f'2dlabels text "{length} \\u00c5" color black size {_TEXT} xpos 0.02 ypos 0.04',
    ]


def _save(stem: str, rows: float) -> str:
    height = round(WINDOW * rows) * PIXELS_OF_FILE
    return (
        f'save "{stem}.png" width {WIDTH_IN_PIXELS} height {height} supersample 2 transparentBackground true'
    )
