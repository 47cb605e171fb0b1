"""Figures of the sketch: mask, volume components, states, and how the number of states was judged."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from scipy.cluster.hierarchy import dendrogram

from gem_plugin.landscape.states import StateChoice
from gem_plugin.reports.figures.save import (
    OKABE_ITO,
    SEQUENTIAL,
    SMALL_MARKER,
    SMALL_TEXT_SIZE,
    THIN_LINE,
    add_colour_bar,
    colour_of_group,
    draw_groups,
    new_figure,
    save_figure,
    write_number,
)

MAXIMUM_TICKS = 20
ROOM_FOR_A_NUMBER = (0.07, 0.04)  # of the width and height of the plot
FAINT = 0.05  # of the brightest pixel: what is fainter need not be in view
VIEW_MARGIN = 1.2
MAXIMUM_MAPS_DRAWN = 30  # of the states, as many as a page holds


def draw_mask_slices(
    stem: Path, mask: np.ndarray, mean_volume: np.ndarray, pixel_size_in_angstroms: float
) -> list[Path]:
    """Three central slices of the mean map with the outline of the mask."""
    figure, panels = new_figure(3)
    middle = len(mask) // 2
    half_width = len(mask) * pixel_size_in_angstroms / 2
    reach = _reach(np.maximum(mask, 0), pixel_size_in_angstroms)
    for axes, x, y, removed_axis in zip(panels[0], "xxy", "yzz", (0, 1, 2)):
        density, inside = mean_volume.take(middle, removed_axis), mask.take(middle, removed_axis) > 0
        extent = (-half_width, half_width, -half_width, half_width)
        axes.imshow(density, cmap="gray", origin="lower", extent=extent)
        grid = (np.arange(len(mask)) + 0.5) * pixel_size_in_angstroms - half_width
        if inside.any() and not inside.all():
            axes.contour(grid, grid, inside, levels=[0.5], colors=OKABE_ITO[1], linewidths=THIN_LINE)
        axes.set_xlim(-reach, reach)
        axes.set_ylim(-reach, reach)
        axes.set_xlabel(f"{x} (Å)")
        axes.set_ylabel(f"{y} (Å)")
    return save_figure(figure, stem)


def draw_component_pairs(
    folder: Path,
    scores: np.ndarray,  # (k, c)
    states: np.ndarray,  # (k,) 1-based
    n_plotted: int,
    annotate_with: np.ndarray | None = None,  # (k,): map numbers to write beside the points
) -> list[Path]:
    """Sketch maps on consecutive pairs of components, coloured by state."""
    written = []
    last = max(1, min(n_plotted, scores.shape[1]) - 1)
    for first in range(last):
        second = min(first + 1, scores.shape[1] - 1)
        figure, panels = new_figure()
        axes = panels[0, 0]
        draw_groups(axes, scores[:, [first, second]], states, size=6, with_numbers=annotate_with is None)
        if annotate_with is not None:
            _annotate(axes, scores[:, [first, second]], annotate_with)
        axes.set_xlabel(f"volume component {first + 1} (map units)")
        axes.set_ylabel(f"volume component {second + 1} (map units)")
        middle = "annotated_" if annotate_with is not None else ""
        written += save_figure(figure, folder / f"landscape_vol_pca_{middle}{first + 1}_{second + 1}")
    return written


def _annotate(axes: Axes, positions: np.ndarray, numbers: np.ndarray) -> None:  # (k, 2), (k,)
    """Numbers at points, as many as can be read: none nearer to another than a text is wide."""
    taken = np.zeros((0, 2))
    span = np.maximum(np.ptp(positions, axis=0), np.finfo(np.float32).tiny)
    for position, number in zip(positions, numbers):
        if not len(taken) or (np.abs((taken - position) / span) > ROOM_FOR_A_NUMBER).any(axis=1).all():
            taken = np.concatenate([taken, position[None]])
            write_number(axes, position, int(number))


def draw_state_sizes(stem: Path, counts: np.ndarray, of_what: str) -> list[Path]:  # counts (m,)
    """How many maps or particles each state has."""
    figure, panels = new_figure(height_of_panel=0.75)
    axes = panels[0, 0]
    numbers = np.arange(1, len(counts) + 1)
    axes.bar(numbers, counts, color=[colour_of_group(int(number)) for number in numbers])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=MAXIMUM_TICKS))
    axes.set_xlabel("state")
    axes.set_ylabel(f"number of {of_what}")
    return save_figure(figure, stem)


def draw_states_on_plane(
    stem: Path,
    points: np.ndarray,  # (n, 2)
    states: np.ndarray,  # (n,)
    labels: tuple[str, str],
    marks: tuple[np.ndarray, np.ndarray] | None = None,  # points (k, 2) and the numbers to write there (k,)
) -> list[Path]:
    """Particles on a plane, coloured by state."""
    figure, panels = new_figure()
    axes = panels[0, 0]
    draw_groups(axes, points, states, size=1, with_numbers=marks is None)
    if marks is not None:
        _annotate(axes, *marks)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    return save_figure(figure, stem)


def _reach(values: np.ndarray, pixel_size_in_angstroms: float) -> float:
    """Distance in Angstrom from the centre that shows all that is bright."""
    bright = np.argwhere(values > FAINT * values.max()) - len(values) // 2
    farthest = np.abs(bright).max(initial=1) * pixel_size_in_angstroms
    return min(len(values) * pixel_size_in_angstroms / 2, VIEW_MARGIN * float(farthest))


def draw_dendrogram(stem: Path, tree: np.ndarray, n_states: int) -> list[Path]:
    """The last joins of the tree, with the height at which it was cut."""
    figure, panels = new_figure()
    axes = panels[0, 0]
    dendrogram(
        tree,
        p=30,
        truncate_mode="lastp",
        ax=axes,
        no_labels=True,
        color_threshold=0,
        above_threshold_color=OKABE_ITO[7],
    )
    for lines in axes.collections:
        lines.set_linewidth(THIN_LINE)
    if 1 < n_states <= len(tree):
        heights = np.sort(tree[:, 2])
        axes.axhline(
            (heights[-n_states] + heights[-n_states + 1]) / 2,
            color=OKABE_ITO[3],
            linestyle="--",
            linewidth=THIN_LINE,
        )
    axes.set_xlabel("sketch maps, joined into states")
    axes.set_ylabel("distance between joined maps (map units)")
    return save_figure(figure, stem)


def draw_state_choices(stem: Path, choices: Sequence[StateChoice], chosen: int) -> list[Path]:
    """Silhouette, stability and largest fraction for every number of states."""
    figure, panels = new_figure()
    axes = panels[0, 0]
    numbers = [choice.n_states for choice in choices]
    for values, label, colour, marker in (
        ([choice.silhouette for choice in choices], "silhouette", OKABE_ITO[0], "o"),
        ([choice.stability for choice in choices], "stability (adjusted Rand index)", OKABE_ITO[3], "s"),
        (
            [choice.largest_share for choice in choices],
            "fraction of particles in the largest state",
            OKABE_ITO[2],
            "^",
        ),
    ):
        axes.plot(
            numbers,
            values,
            marker=marker,
            color=colour,
            label=label,
            markersize=SMALL_MARKER,
            linewidth=THIN_LINE,
        )
    axes.axvline(chosen, color=OKABE_ITO[7], linestyle=":", linewidth=THIN_LINE)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("number of states")
    axes.set_ylabel("score (no unit)")
    axes.legend(fontsize=SMALL_TEXT_SIZE)
    return save_figure(figure, stem)


def draw_state_slices(
    stem: Path,
    means: Sequence[np.ndarray],
    counts: np.ndarray,  # (m,): particles
    badges: Sequence[str],  # what the checks say of each
    pixel_size_in_angstroms: float,
) -> list[Path]:
    """Each state's mean map, projected along z, all on one colour scale."""
    means = means[:MAXIMUM_MAPS_DRAWN]
    n_columns = min(5, len(means))
    n_rows = -(-len(means) // n_columns)
    figure, panels = new_figure(n_columns, n_rows, height_of_panel=1.1)
    half_width = means[0].shape[0] * pixel_size_in_angstroms / 2
    projections = [mean.sum(axis=0) * pixel_size_in_angstroms for mean in means]
    lowest, highest = min(map(np.min, projections)), max(map(np.max, projections))
    reach = _reach(np.max(projections, axis=0), pixel_size_in_angstroms)
    for number, axes in enumerate(panels.ravel()):
        if number >= len(means):
            axes.remove()
            continue
        extent = (-half_width, half_width, -half_width, half_width)
        image = axes.imshow(
            projections[number], cmap=SEQUENTIAL, origin="lower", extent=extent, vmin=lowest, vmax=highest
        )
        title = f"state {number + 1}: {counts[number]:,}\n{badges[number]}"
        axes.set_title(title, fontsize=SMALL_TEXT_SIZE)
        axes.set_xlim(-reach, reach)
        axes.set_ylim(-reach, reach)
        axes.set_xlabel("x (Å)" if number + n_columns >= len(means) else "")
        axes.set_ylabel("y (Å)" if number % n_columns == 0 else "")
    add_colour_bar(figure, image, panels.ravel()[: len(means)].tolist(), "projection along z (map units · Å)")
    return save_figure(figure, stem)
