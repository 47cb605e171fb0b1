"""Pictures that show the molecule: surfaces of the maps of a job, all in one view, as its tile and as pictures of its outputs."""

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import matplotlib
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from gem_plugin.io.mrc.maps import read_map
from gem_plugin.reports.figures.save import TEXT_STYLE, colour_of_group
from gem_plugin.reports.figures.surfaces import draw_surface, fine_map, frame_of, reach_of
from gem_plugin.reports.first_page.surface_views import (
    common_level,
    common_view,
    density_points,
    displacements_between,
)

Picture = TypeVar("Picture")
GRID = 80  # voxels across the molecule
HEIGHT_IN_PIXELS = 240  # of one molecule
DOTS_PER_INCH = 100
INCHES_OF_A_PANEL, INCHES_OF_A_TITLE = 2.2, 0.45
MAXIMUM_IN_A_ROW = 4
MAXIMUM_IN_A_TILE = 4  # more are too small to be seen
GREY = "#9fb3c8"
MARGIN: dict[str, Any] = {
    "bbox_inches": "tight",
    "pad_inches": 0.05,
    "dpi": DOTS_PER_INCH,
}  # without it, labels lose their edge


def png_of(figure: Figure) -> bytes:
    """A figure as a PNG file."""
    content = io.BytesIO()
    figure.savefig(content, format="png", **MARGIN)
    return content.getvalue()


def drawn(draw: Callable[[], Picture]) -> Picture | None:
    """What it draws, or None with a line on stderr: a picture that cannot be drawn holds up no result."""
    try:
        return draw()
    except Exception as error:  # whatever it is
        print(f"(a picture was left out: {type(error).__name__}: {error})", file=sys.stderr, flush=True)
        return None


def surfaces_of(
    paths: Sequence[Path],  # of maps of one box and pixel size
    numbers: Sequence[int] = (),  # of the states; none: grey
) -> list[np.ndarray]:  # (height, width, 4) uint8 each
    """The maps as shaded surfaces at one level, in the view that shows most of what differs between them."""
    maps = [read_map(path) for path in paths]
    volumes, pixel_size = [one.volume for one in maps], maps[0].pixel_size_in_angstroms
    mean = np.mean(volumes, axis=0)
    level = common_level(mean)
    points = density_points(mean, pixel_size, level)
    view = common_view(*points, *displacements_between(volumes, pixel_size, level))
    reach = max(reach_of(one, pixel_size, level) for one in volumes)
    fine = [fine_map(one, pixel_size, reach, GRID) for one in volumes]
    frame = frame_of(fine, level, view)
    colours = [colour_of_group(number) for number in numbers] or [GREY] * len(fine)
    return [
        draw_surface(one, level, view, frame, HEIGHT_IN_PIXELS, np.array(to_rgb(colour)))
        for one, colour in zip(fine, colours)
    ]


def surface_figure(
    surfaces: Sequence[np.ndarray],
    titles: Sequence[str] = (),  # a line or two for each; none: a picture without text
) -> Figure:
    """Surfaces beside each other, each title above its own in the width that it has."""
    n_columns = min(len(surfaces), MAXIMUM_IN_A_ROW)
    n_rows = -(-len(surfaces) // n_columns)
    height = INCHES_OF_A_PANEL + (INCHES_OF_A_TITLE if titles else 0)
    with matplotlib.rc_context(TEXT_STYLE):
        figure = Figure(figsize=(INCHES_OF_A_PANEL * n_columns, height * n_rows), layout="constrained")
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for axis in axes.flat:
            axis.set_axis_off()
        for number, (axis, surface) in enumerate(zip(axes.flat, surfaces)):
            axis.imshow(surface, interpolation="antialiased")
            if titles:
                axis.set_title(titles[number], wrap=False)
    return figure


def tile_of(paths: Sequence[Path], numbers: Sequence[int] = ()) -> bytes:  # a PNG file
    """The picture of a job or an output: its map, or the states side by side, without text."""
    shown = list(paths)[:MAXIMUM_IN_A_TILE]
    return png_of(surface_figure(surfaces_of(shown, list(numbers)[:MAXIMUM_IN_A_TILE])))
