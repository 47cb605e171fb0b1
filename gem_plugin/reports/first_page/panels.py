"""Panels of the molecule: states as surfaces, the consensus coloured by what changes, and particles with numbered states.

The first page and the figure for a paper are made of these. Positions in the panels are in Å, or in the units of the columns.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patheffects import withStroke

from gem_plugin.reports.figures.save import (
    SMALL_TEXT_SIZE,
    TEXT_SIZE,
    colour_of_group,
    middle_member,
    scatter_groups,
    write_number,
)
from gem_plugin.reports.figures.surfaces import Frame
from gem_plugin.reports.first_page.pictures import Pictures as Pictures
from gem_plugin.reports.first_page.pictures import colour_map as colour_map
from gem_plugin.reports.first_page.pictures import draw_pictures as draw_pictures
from gem_plugin.reports.first_page.plane import Plane as Plane

BAR_LENGTHS = (5, 10, 20, 50, 100, 200, 500)  # Å
LONGEST_BAR = 0.42  # of the width of the frame
MAXIMUM_POINTS_DRAWN = 20_000
ROOM_FOR_LINES = 0.15  # of the height of a panel, for each line of text under a surface


def rows_and_columns(n_pictures: int, aspect: float, room: float) -> tuple[int, int]:
    """The grid on which pictures of this aspect (width over height) are largest in room of that aspect."""
    best = max(
        range(1, n_pictures + 1),
        key=lambda columns: min(room / columns / aspect, 1 / -(-n_pictures // columns)),
    )
    return -(-n_pictures // best), best


def show_states(
    panels: Sequence[Axes],
    pictures: Pictures,
    lines_of: Mapping[int, Sequence[str]],  # texts under a state, by its number
) -> None:
    """One state a panel: its surface, its number in its colour, and lines of text; a scale bar in the first."""
    for axes, one in zip(panels, pictures.states, strict=False):
        _show(axes, one.picture, pictures.frame)
        number = axes.text(
            0.02, 0.98, str(one.number), transform=axes.transAxes, va="top", ha="left",
            size=TEXT_SIZE + 1, weight="bold", color=colour_of_group(one.number),
        )  # fmt: skip
        number.set_path_effects([withStroke(linewidth=1.5, foreground="white")])
        axes.set_xlabel("\n".join(lines_of.get(one.number, ())), fontsize=SMALL_TEXT_SIZE, labelpad=2)
    for axes in panels[len(pictures.states) :]:
        axes.set_axis_off()
    if pictures.states:
        draw_scale_bar(panels[0], pictures.frame)


def show_consensus(axes: Axes, pictures: Pictures, with_bar: bool = True) -> ScalarMappable | None:
    """The consensus with its arrows; gives what a colour bar is made of."""
    _show(axes, pictures.consensus, pictures.frame)
    if pictures.arrows is not None:
        for start, end in zip(pictures.arrows.starts, pictures.arrows.ends, strict=True):
            arrow = axes.annotate(
                "",
                xy=(float(end[0]), float(end[1])),
                xytext=(float(start[0]), float(start[1])),
                arrowprops={
                    "arrowstyle": "-|>",
                    "lw": 0.9,
                    "color": "#1D2733",
                    "mutation_scale": 6,
                    "shrinkA": 0,
                    "shrinkB": 0,
                },
                annotation_clip=False,
            )
            assert arrow.arrow_patch is not None
            arrow.arrow_patch.set_path_effects([withStroke(linewidth=2.0, foreground="white")])
            arrow.set_in_layout(False)
    if with_bar:
        draw_scale_bar(axes, pictures.frame)
    if pictures.change is None:
        return None
    return ScalarMappable(Normalize(0, pictures.highest), colour_map())


def show_plane(axes: Axes, plane: Plane, size: float = 1.5) -> None:
    """Particles in the colours of their states, with the number of each state in its middle; grey where there are none."""
    rows = np.arange(len(plane.points))
    if len(rows) > MAXIMUM_POINTS_DRAWN:
        rows = np.sort(np.random.default_rng(0).choice(rows, MAXIMUM_POINTS_DRAWN, replace=False))
    points, states = plane.points[rows], plane.states[rows]
    present = scatter_groups(axes, points, states, size, edge_width=0)
    for number in present[present > 0]:
        write_number(axes, middle_member(points[states == number]), int(number), TEXT_SIZE + 1)
    axes.set_xlabel(plane.labels[0])
    axes.set_ylabel(plane.labels[1])
    axes.set_box_aspect(1)


def draw_scale_bar(axes: Axes, frame: Frame) -> None:
    """A length in Å, below the molecule on the left."""
    fitting = [length for length in BAR_LENGTHS if length <= LONGEST_BAR * frame.width]
    length = fitting[-1] if fitting else BAR_LENGTHS[0]
    y = frame.bottom + 0.02 * frame.height
    left = frame.left + 0.03 * frame.width
    axes.plot([left, left + length], [y, y], color="black", linewidth=1.4, solid_capstyle="butt")
    text = axes.text(
        left + length / 2,
        y + 0.015 * frame.height,
        f"{length} Å",
        ha="center",
        va="bottom",
        size=SMALL_TEXT_SIZE,
    )
    text.set_path_effects([withStroke(linewidth=2, foreground="white")])


def _show(axes: Axes, picture: np.ndarray, frame: Frame) -> None:
    axes.imshow(picture, extent=frame.extent, interpolation="antialiased", aspect="equal")
    axes.set_xlim(frame.left, frame.right)
    axes.set_ylim(frame.bottom, frame.top)
    axes.set_anchor("N")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
