"""The picture of the first page: states as surfaces, the consensus coloured by what changes, and the landscape."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from gem_plugin.reports.figures.save import (
    BAR_ASPECT,
    TEXT_SIZE,
    TEXT_STYLE,
    TWO_COLUMNS_IN_INCHES,
    save_figure,
)
from gem_plugin.reports.first_page.panels import Pictures as Pictures
from gem_plugin.reports.first_page.panels import Plane as Plane
from gem_plugin.reports.first_page.panels import (
    rows_and_columns,
    show_consensus,
    show_plane,
    show_states,
)

HEIGHT_IN_INCHES = {1: 2.25, 2: 2.9}  # by rows of states; more rows as two
ROOM_OF_STATES, WITH_TEXT = (
    1.4,
    1.25,
)  # width over height of their part; height of a state with its text over that without
WIDTHS = {"states": 1.6, "consensus": 1.0, "plane": 1.0}  # of the panels, relative


def draw_first_page(
    stem: Path, pictures: Pictures | None, plane: Plane | None, lines_of: Mapping[int, Sequence[str]]
) -> list[Path]:
    """Write the picture; nothing where there is neither a map nor a latent."""
    if pictures is None and plane is None:
        return []
    with matplotlib.rc_context(TEXT_STYLE):
        figure = Figure(figsize=(TWO_COLUMNS_IN_INCHES, height_of_first_page(pictures)), layout="constrained")
        fill_first_page(figure, pictures, plane, lines_of)
    return save_figure(figure, stem)


def fill_first_page(
    figure: Any,  # a figure, or part of one
    pictures: Pictures | None,
    plane: Plane | None,
    lines_of: Mapping[int, Sequence[str]],  # texts under a state
) -> None:
    """The panels that there are, from left to right."""
    names = [
        *(["states"] if pictures is not None and pictures.states else []),
        *(["consensus"] if pictures is not None else []),
        *(["plane"] if plane is not None else []),
    ]
    parts = figure.subfigures(1, len(names), width_ratios=[WIDTHS[name] for name in names], squeeze=False)[0]
    for name, part in zip(names, parts, strict=True):
        if name == "states" and pictures is not None:
            fill_states(part, pictures, lines_of)
        elif name == "consensus" and pictures is not None:
            fill_consensus(part, pictures)
        elif plane is not None:
            part.suptitle(title_of_plane(plane), fontsize=TEXT_SIZE)
            show_plane(part.subplots(), plane)


def height_of_first_page(pictures: Pictures | None) -> float:
    """Inches."""
    rows = (
        1
        if pictures is None or not pictures.states
        else grid_of_states(len(pictures.states), _aspect(pictures))[0]
    )
    return HEIGHT_IN_INCHES[min(rows, max(HEIGHT_IN_INCHES))]


def grid_of_states(
    n_states: int,
    aspect: float,  # width over height of a surface
    room: float = ROOM_OF_STATES,  # width over height of the part
) -> tuple[int, int]:
    """Rows and columns that show the states largest."""
    return rows_and_columns(n_states, aspect / WITH_TEXT, room)


def _aspect(pictures: Pictures) -> float:
    return pictures.frame.width / pictures.frame.height


def fill_states(
    part: Any, pictures: Pictures, lines_of: Mapping[int, Sequence[str]], room: float = ROOM_OF_STATES
) -> None:
    """The states on the grid that shows them largest. room: width over height of the part."""
    rows, columns = grid_of_states(len(pictures.states), _aspect(pictures), room)
    part.suptitle("States" if len(pictures.states) > 1 else "State", fontsize=TEXT_SIZE)
    show_states(part.subplots(rows, columns, squeeze=False).ravel().tolist(), pictures, lines_of)


def fill_consensus(part: Any, pictures: Pictures) -> None:
    """The consensus with the bar of its colours below."""
    axes = part.subplots()
    colours = show_consensus(axes, pictures, with_bar=not pictures.states)
    part.suptitle(title_of_consensus(pictures), fontsize=TEXT_SIZE)
    if colours is not None and pictures.change is not None:
        part.colorbar(
            colours,
            ax=axes,
            label=pictures.change.value,
            orientation="horizontal",
            shrink=0.8,
            aspect=BAR_ASPECT,
            pad=0.02,
        )


def title_of_consensus(pictures: Pictures) -> str:
    """What the panel of the consensus shows."""
    if pictures.arrows is None:
        return "Consensus"
    longer = f" (arrows × {pictures.arrows.scale})" if pictures.arrows.scale > 1 else ""
    return f"Motion{longer}"


def title_of_plane(plane: Plane) -> str:
    """What the panel of the particles shows."""
    return "Landscape" if plane.states.any() else "Particles"
