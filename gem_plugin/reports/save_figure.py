"""How every figure is begun and saved: one size, one palette that colour-blind readers can tell apart, PNG and PDF."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gem_plugin.io.whole_files import whole_file

DOTS_PER_INCH = 150
PANEL_SIZE_IN_INCHES = 4.0
OKABE_ITO = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000",
)  # fmt: skip  # M. Okabe and K. Ito, Color Universal Design, 2008
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")  # a second sign when the colours repeat
ENTRIES_PER_COLUMN = 20  # of a legend; more would leave the figure
SEQUENTIAL = "viridis"
DIVERGING = "RdBu_r"


def new_figure(n_columns: int = 1, n_rows: int = 1) -> tuple[Figure, np.ndarray]:
    """A figure with a grid of panels; no global state of matplotlib is touched."""
    size = (PANEL_SIZE_IN_INCHES * n_columns, PANEL_SIZE_IN_INCHES * n_rows)
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(n_rows, n_columns, squeeze=False)


def save_figure(figure: Figure, stem: Path) -> list[Path]:
    """Write stem.png and stem.pdf."""
    written = []
    for suffix in (".png", ".pdf"):
        path = stem.with_name(stem.name + suffix)
        with whole_file(path) as temporary:
            figure.savefig(temporary, dpi=DOTS_PER_INCH)
        written.append(path)
    return written


def colour_of_group(number: int) -> str:  # number counts from 1
    """The colour of a state; they repeat after eight, the marker then differs."""
    return OKABE_ITO[(number - 1) % len(OKABE_ITO)]


def marker_of_group(number: int) -> str:
    """The marker of a state, in step with the rounds through the colours."""
    return MARKERS[(number - 1) // len(OKABE_ITO) % len(MARKERS)]


def draw_density(axes: Axes, points: np.ndarray) -> None:  # (n, 2)
    """Many points as hexagons coloured by their number, few as dots."""
    if len(points) < 500:
        axes.plot(points[:, 0], points[:, 1], ".", color=OKABE_ITO[0], markersize=3)
        return
    hexagons = axes.hexbin(points[:, 0], points[:, 1], gridsize=60, mincnt=1, bins="log", cmap=SEQUENTIAL)
    axes.figure.colorbar(hexagons, ax=axes, label="particles per hexagon")


def draw_groups(axes: Axes, points: np.ndarray, groups: np.ndarray, size: float = 4) -> None:
    """Points coloured by group; group 0 means none and is drawn in grey."""
    for number in np.unique(groups):
        chosen = groups == number
        colour = "#BBBBBB" if number == 0 else colour_of_group(int(number))
        label = "none" if number == 0 else f"{number}"
        marker = "." if number == 0 else marker_of_group(int(number))
        axes.scatter(
            points[chosen, 0],
            points[chosen, 1],
            s=size,
            c=colour,
            marker=marker,
            label=label,
            rasterized=True,
        )
    n_columns = -(-len(np.unique(groups)) // ENTRIES_PER_COLUMN)
    axes.legend(
        title="state",
        fontsize="x-small",
        markerscale=2,
        ncols=n_columns,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
    )  # a fixed place: the search for the best one takes longer than all the rest of a figure
