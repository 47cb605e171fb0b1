"""The figure of where the states are: one tomogram with its particles in the colours of their states, and neighbours against chance."""

from pathlib import Path

import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes

from gem_plugin.reports.figures.save import (
    MAXIMUM_LEGEND_ENTRIES,
    SMALL_MARKER,
    SMALL_TEXT_SIZE,
    TEXT_SIZE,
    THIN_LINE,
    colour_of_group,
    marker_of_group,
    new_mosaic,
    save_figure,
    scatter_groups,
)
from gem_plugin.results.state_positions import StatePositions
from gem_plugin.results.tomogram_positions import TomogramPositions

WIDTH_OF_TOMOGRAM, HEIGHT_OF_REST = 2.8, 1.1  # inches, as printed: its longest axis; titles and axes
HEIGHTS_IN_INCHES = 2.6, 9.0
LARGEST_POINT, SMALLEST_POINT = 14.0, 1.5  # square points of print
POINTS_OF_LARGEST = 100  # particles that still have the largest points
MARGIN = 0.03  # of the widest axis, around the particles


def fullest_tomogram(positions: TomogramPositions, states: np.ndarray) -> str:  # (n,) from 1; 0: none
    """The tomogram with most particles in states; the first by name among equals."""
    tomograms = positions.tomograms[positions.is_known & (states > 0)].astype(str)
    names, counts = np.unique(tomograms, return_counts=True)
    return str(names[counts.argmax()])


def draw_positions(
    stem: Path, positions: TomogramPositions, states: np.ndarray, measured: StatePositions
) -> list[Path]:
    """The fullest tomogram seen along z and along y, and the neighbours of every state beside chance."""
    name = fullest_tomogram(positions, states)
    rows = positions.rows_of(name)
    points, labels = positions.positions_in_angstroms[rows], states[rows]
    widths = np.maximum(np.ptp(points, axis=0), 1.0)
    heights = [max(widths[1] / widths[0], 0.1), max(widths[2] / widths[0], 0.1) + 2 * MARGIN]
    height = float(np.clip(WIDTH_OF_TOMOGRAM * sum(heights) + HEIGHT_OF_REST, *HEIGHTS_IN_INCHES))
    figure, panels = new_mosaic([["top", "neighbours"], ["side", "neighbours"]], height)
    grid = panels["top"].get_gridspec()
    assert grid is not None
    grid.set_height_ratios(heights)
    size = float(np.clip(LARGEST_POINT * POINTS_OF_LARGEST / len(rows), SMALLEST_POINT, LARGEST_POINT))
    for panel, axis in (("top", 1), ("side", 2)):
        axes = panels[panel]
        present = scatter_groups(axes, points[:, [0, axis]], labels, size, edge_width=0)
        margin = MARGIN * widths.max()
        axes.set_xlim(points[:, 0].min() - margin, points[:, 0].max() + margin)
        axes.set_ylim(points[:, axis].min() - margin, points[:, axis].max() + margin)
        axes.set_aspect("equal", anchor="W")
        axes.set_ylabel(f"{'xyz'[axis]} (Å)")
        axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5))
        axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
    panels["top"].set_title(f"tomogram {name}: {len(rows):,} particles", fontsize=TEXT_SIZE)
    panels["side"].set_xlabel("x (Å)")
    if len(present) <= MAXIMUM_LEGEND_ENTRIES:
        panels["top"].legend(
            title="state",
            fontsize=SMALL_TEXT_SIZE,
            title_fontsize=SMALL_TEXT_SIZE,
            markerscale=1.5,
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
        )
    _draw_neighbours(panels["neighbours"], measured)
    return save_figure(figure, stem)


def _draw_neighbours(axes: Axes, measured: StatePositions) -> None:
    """Fractions of the nearest neighbours in the same state, with errors where known, and chance."""
    found = measured.numbers
    for state in measured.states:
        index = state - 1
        axes.errorbar(
            state - 0.1,
            100 * found.fractions[index],
            100 * np.nan_to_num(found.errors[index]) or None,
            fmt=marker_of_group(state),
            color=colour_of_group(state),
            markersize=2 * SMALL_MARKER,
            linewidth=THIN_LINE,
            capsize=2,
        )
        axes.errorbar(
            state + 0.1,
            100 * found.chance[index],
            100 * found.chance_errors[index],
            fmt="_",
            color="#777777",
            markersize=3 * SMALL_MARKER,
            linewidth=THIN_LINE,
            capsize=2,
            label="chance" if state == measured.states[0] else None,
        )
    n_states = len(found.fractions)
    axes.set_xlim(0.4, n_states + 0.6)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(min(n_states, 20), integer=True))
    axes.set_xlabel("state")
    axes.set_ylabel(f"neighbours in the same state (%), of {found.n_neighbours}")
    axes.legend(fontsize=SMALL_TEXT_SIZE)
