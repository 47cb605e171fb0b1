"""A map as a shaded surface, as a picture: seen along z, without a display, a GPU or marching cubes.

Each pixel looks down its column of voxels for the first that is above the level; the slope of the density there gives the light.
"""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter, zoom

from gem_plugin.imaging.bright_level import DISPLAY_PERCENTILE
from gem_plugin.reports.chimerax_scripts import LEVEL_FRACTION

SIDE_IN_PIXELS, MAXIMUM_FACTOR = (
    192,
    4,
)  # a finer picture of a small map shows nothing more, and takes seconds
DOTS_PER_INCH_IN_NOTEBOOKS = 130
AMBIENT = 0.45  # light that reaches every place
FADING_WITH_DEPTH = 0.25  # of the farthest surface
LIGHT = np.array([0.72, 0.42, -0.40])  # zyx: from the viewer, who is at large z, above and left
BAR_FRACTION = 0.25  # of the width of the map, before rounding down
ROUND_LENGTHS = (5, 10, 20, 25, 50, 100, 200, 250, 500)  # Angstrom


class ShownFigure(Figure):
    """A figure that a notebook shows where it is the last line of a cell, without pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=DOTS_PER_INCH_IN_NOTEBOOKS)
        return buffer.getvalue()


def draw(
    volume: np.ndarray,  # (b, b, b), ordered zyx
    pixel_size_in_angstroms: float,
    level: float | None = None,  # density of the surface; default: that of the scripts for ChimeraX
    colour: str = "#56B4E9",
    title: str = "",
) -> ShownFigure:
    """The surface with a scale bar on white; y goes up and x to the right, as in ChimeraX."""
    from matplotlib.colors import to_rgb

    picture = shaded_surface(volume, default_level(volume) if level is None else level, to_rgb(colour))
    width = len(volume) * pixel_size_in_angstroms
    figure = ShownFigure(figsize=(3.35, 3.35), layout="constrained")
    axes = figure.subplots()
    axes.imshow(picture, origin="lower", extent=(0, width, 0, width), interpolation="bilinear")
    fitting = [length for length in ROUND_LENGTHS if length <= BAR_FRACTION * width] or [ROUND_LENGTHS[0]]
    axes.plot([0.04 * width, 0.04 * width + fitting[-1]], [0.04 * width] * 2, color="black", linewidth=2)
    axes.text(0.04 * width, 0.06 * width, f"{fitting[-1]} Å", fontsize=7)
    axes.set_title(title, fontsize=8)
    axes.set_axis_off()
    return figure


def default_level(volume: np.ndarray) -> float:
    """A density that shows the whole molecule and little noise."""
    return LEVEL_FRACTION * float(np.percentile(volume, DISPLAY_PERCENTILE))


def shaded_surface(
    volume: np.ndarray,  # (b, b, b), ordered zyx
    level: float,
    colour: tuple[float, float, float],  # 0 to 1
) -> np.ndarray:  # (side, side, 4): red, green, blue, cover; 0 to 1
    """What is above the level, lit from the upper left; transparent where nothing is."""
    factor = min(MAXIMUM_FACTOR, max(1, round(SIDE_IN_PIXELS / len(volume))))
    fine = (
        zoom(np.asarray(volume, np.float32), factor, order=1)
        if factor > 1
        else np.asarray(volume, np.float32)
    )
    fine = gaussian_filter(fine, factor / 2)  # linear interpolation leaves edges where voxels meet
    from_viewer = fine[::-1] > level
    is_hit = from_viewer.any(axis=0)
    depth = from_viewer.argmax(axis=0)  # voxels from the viewer
    shade = AMBIENT + (1 - AMBIENT) * np.clip(_normals(fine, len(fine) - 1 - depth) @ LIGHT, 0, 1)
    nearest, farthest = (depth[is_hit].min(), depth[is_hit].max()) if is_hit.any() else (0, 1)
    shade = shade * (1 - FADING_WITH_DEPTH * (depth - nearest) / max(1, farthest - nearest))
    picture = np.zeros((*is_hit.shape, 4))
    picture[..., :3] = np.clip(shade[..., None] * np.array(colour), 0, 1) * is_hit[..., None]
    picture[..., 3] = is_hit
    return picture


def window_of(pictures: Sequence[np.ndarray]) -> tuple[slice, slice]:  # each (side, side, 4) -> rows, columns
    """The part of the pictures that holds every surface, with a narrow border; all of it where there is none."""
    covered = np.max([picture[..., 3] for picture in pictures], axis=0) > 0
    if not covered.any():
        return slice(None), slice(None)
    found = [np.flatnonzero(covered.any(axis=axis)) for axis in (1, 0)]
    border = max(1, len(covered) // 40)
    rows, columns = (slice(max(0, int(one[0]) - border), int(one[-1]) + border + 1) for one in found)
    return rows, columns


def _normals(volume: np.ndarray, sections: np.ndarray) -> np.ndarray:  # (y, x, 3) zyx, unit length
    """Out of the density, at one section of each column."""
    n_sections, n_rows, n_columns = volume.shape
    y, x = np.mgrid[:n_rows, :n_columns]
    z = np.clip(sections, 1, n_sections - 2)
    y, x = np.clip(y, 1, n_rows - 2), np.clip(x, 1, n_columns - 2)
    slope = np.stack(
        [
            volume[z + 1, y, x] - volume[z - 1, y, x],
            volume[z, y + 1, x] - volume[z, y - 1, x],
            volume[z, y, x + 1] - volume[z, y, x - 1],
        ],
        axis=-1,
    )
    return -slope / np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), np.finfo(np.float32).tiny)
