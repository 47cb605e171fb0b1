"""How every figure is begun and saved: one size, one palette that colour-blind readers can tell apart, PNG and PDF."""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from gem_plugin.io.whole_files import whole_file
from gem_plugin.reports.figures.palette import MARKERS as MARKERS
from gem_plugin.reports.figures.palette import OKABE_ITO as OKABE_ITO
from gem_plugin.reports.figures.palette import colour_of_group as colour_of_group
from gem_plugin.reports.figures.palette import marker_of_group as marker_of_group
from gem_plugin.reports.figures.pdf_fonts import small_fonts

DOTS_PER_INCH = {".png": 200, ".pdf": 300}  # of a PDF: the layers of many points; all else is vector
ONE_COLUMN_IN_INCHES, TWO_COLUMNS_IN_INCHES = 3.35, 7.0  # 85 and 178 mm, as most journals print
MAXIMUM_HEIGHT_IN_INCHES = 9.2
TEXT_SIZE, SMALL_TEXT_SIZE = 7.0, 6.0  # points on paper; below 6 nobody can read
TEXT_STYLE: dict[Any, Any] = {
    "font.size": TEXT_SIZE,
    "axes.labelsize": TEXT_SIZE,
    "axes.titlesize": TEXT_SIZE,
    "xtick.labelsize": SMALL_TEXT_SIZE,
    "ytick.labelsize": SMALL_TEXT_SIZE,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "pdf.fonttype": 42,  # TrueType: text stays text, and journals refuse Type 3
}
MAXIMUM_LEGEND_ENTRIES = 20  # more would leave the figure; the numbers in the plot then say it alone
MAXIMUM_NUMBERS = 60  # of groups, written into the plot
BAR_ASPECT = 30  # height of a colour bar over its width
THIN_LINE, SMALL_MARKER = 1.0, 2.5  # points
SEQUENTIAL = "viridis"


def new_figure(
    n_columns: int = 1,
    n_rows: int = 1,
    height_of_panel: float = 1.0,  # over its width
) -> tuple[Figure, np.ndarray]:
    """A grid of panels, as large as printed: one panel fills a column, more fill two; no global state of matplotlib is changed."""
    width = ONE_COLUMN_IN_INCHES if n_columns == 1 else TWO_COLUMNS_IN_INCHES
    height = min(MAXIMUM_HEIGHT_IN_INCHES, n_rows * width / n_columns * height_of_panel)
    with matplotlib.rc_context(TEXT_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots(n_rows, n_columns, squeeze=False)


def new_mosaic(rows: Any, height_in_inches: float) -> tuple[Figure, dict[str, Axes]]:
    """A figure of two printed columns whose panels span several cells; rows holds a name for each cell."""
    with matplotlib.rc_context(TEXT_STYLE):
        figure = Figure(figsize=(TWO_COLUMNS_IN_INCHES, height_in_inches), layout="constrained")
        return figure, figure.subplot_mosaic(rows)


def add_colour_bar(figure: Figure, image: Any, axes: Any, label: str, shrink: float = 1.0) -> None:
    """The scale of the colours beside the panels, with its unit."""
    with matplotlib.rc_context(TEXT_STYLE):
        figure.colorbar(image, ax=axes, label=label, shrink=shrink, aspect=BAR_ASPECT)


def save_figure(figure: Figure, stem: Path) -> list[Path]:
    """Write stem.png and stem.pdf."""
    written = []
    with matplotlib.rc_context(TEXT_STYLE), small_fonts():
        lay_out(figure, DOTS_PER_INCH[".png"])  # once found, it holds for the other format too
        for suffix, dots_per_inch in DOTS_PER_INCH.items():
            path = stem.with_name(stem.name + suffix)
            with whole_file(path) as temporary:
                figure.savefig(temporary, dpi=dots_per_inch)
            written.append(path)
    return written


def lay_out(figure: Figure, dots_per_inch: float) -> None:
    """Find the positions of all panels, for good: matplotlib would draw the whole figure once more to find them."""
    engine, dots_of_figure = figure.get_layout_engine(), figure.dpi
    if engine is None or not figure.axes:  # matplotlib warns where there are no panels
        return
    figure.set_dpi(dots_per_inch)
    engine.execute(figure)
    figure.set_layout_engine(None)  # "none" would keep a placeholder of it, and the second drawing with that
    figure.set_dpi(dots_of_figure)


def draw_density(axes: Axes, points: np.ndarray) -> None:  # (n, 2)
    """Many points as hexagons coloured by their number, few as dots."""
    if len(points) < 500:
        axes.plot(points[:, 0], points[:, 1], ".", color=OKABE_ITO[0], markersize=3)
        return
    hexagons = axes.hexbin(points[:, 0], points[:, 1], gridsize=60, mincnt=1, bins="log", cmap=SEQUENTIAL)
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    add_colour_bar(figure, hexagons, axes, "particles per hexagon")


def scatter_groups(
    axes: Axes,
    points: np.ndarray,  # (n, 2)
    groups: np.ndarray,  # (n,) from 1; 0: none
    size: float,
    edge_width: float | None = None,  # points of print; default: matplotlib's
) -> np.ndarray:  # the groups that there are
    """Points in the colours and markers of their groups, grey where there is none."""
    present = np.unique(groups)
    for number in present:
        chosen = groups == number
        axes.scatter(
            points[chosen, 0],
            points[chosen, 1],
            s=size,
            c="#BBBBBB" if number == 0 else colour_of_group(int(number)),
            marker="." if number == 0 else marker_of_group(int(number)),
            label="none" if number == 0 else f"{number}",
            linewidths=edge_width,
            rasterized=True,
        )
    return present


def draw_groups(
    axes: Axes, points: np.ndarray, groups: np.ndarray, size: float = 4, with_numbers: bool = True
) -> None:
    """Points coloured by group, and the number of each group in its middle; group 0 means none and is grey."""
    present = scatter_groups(axes, points, groups, size)
    for number in present[present > 0][:MAXIMUM_NUMBERS] if with_numbers else ():
        write_number(axes, middle_member(points[groups == number]), int(number), TEXT_SIZE)
    if len(present) <= MAXIMUM_LEGEND_ENTRIES:
        axes.legend(
            title="state",
            fontsize=SMALL_TEXT_SIZE,
            title_fontsize=SMALL_TEXT_SIZE,
            markerscale=2,
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
        )  # a fixed position: the search for the best one takes longer than all the rest of a figure


def middle_member(points: np.ndarray) -> np.ndarray:  # (n, 2) -> (2,)
    """The point nearest to the medians: inside the group even where that is bent."""
    standard_deviation = np.maximum(points.std(axis=0), np.finfo(np.float32).tiny)
    return points[(((points - np.median(points, axis=0)) / standard_deviation) ** 2).sum(axis=1).argmin()]


def write_number(axes: Axes, position: np.ndarray, number: int, size: float = SMALL_TEXT_SIZE) -> None:
    """A number that can be read on any colour."""
    weight = "bold" if size > SMALL_TEXT_SIZE else "normal"
    where = float(position[0]), float(position[1])
    text = axes.annotate(str(number), where, fontsize=size, weight=weight, ha="center", va="center")
    text.set_path_effects([withStroke(linewidth=2, foreground="white")])
    text.set_in_layout(False)
