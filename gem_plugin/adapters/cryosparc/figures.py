"""The pictures that an external job shows: training curves, latents, slices of maps."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gem_plugin.imaging.bright_level import DISPLAY_PERCENTILE
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.reports.figures.save import SEQUENTIAL, TEXT_SIZE, draw_density, new_figure
from gem_plugin.reports.training_page import VIEWS, TrainingView

MAXIMUM_MAPS_IN_A_FIGURE = 12
MAXIMUM_CURVES, CURVES_IN_A_ROW = 8, 4
DENSE_FRACTION_OF_MAXIMUM = 0.3
CHOSEN_COLOUR = "#d95f02"
MARGIN = 0.15  # of the dense part


def training_figure(history: Path) -> Figure | None:
    """The columns of history.csv that change, against the epoch; None while there are none."""
    try:
        table = pd.read_csv(history)
    except (OSError, ValueError):
        return None  # not there yet
    changing = [
        name for name in table.select_dtypes("number") if name != "epoch" and table[name].nunique() > 1
    ]
    names = changing[:MAXIMUM_CURVES]
    if not names:
        return None
    epochs = table["epoch"] if "epoch" in table else np.arange(1, len(table) + 1)
    n_columns = min(len(names), CURVES_IN_A_ROW)
    figure, axes = new_figure(n_columns, -(-len(names) // n_columns))
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, names):
        axis.plot(epochs, table[name], marker=".")
        axis.set(xlabel="epoch", ylabel=str(name).replace("_", " "))
    return figure


def latent_figure(
    latents: np.ndarray,  # (n, latent_size)
    chosen: np.ndarray | None = None,  # (k,) rows to highlight
) -> Figure:
    """The particles on the first two principal components of their latents."""
    centred = latents - latents.mean(axis=0)
    principal_axes = np.linalg.svd(centred.T @ centred)[0]  # (latent_size, latent_size)
    points = centred @ principal_axes[:, :2]
    if points.shape[1] == 1:
        points = np.column_stack([points[:, 0], np.arange(len(points))])
    figure, axes = new_figure()
    draw_density(axes[0, 0], points)
    if chosen is not None:
        axes[0, 0].plot(*points[chosen].T, ".", color=CHOSEN_COLOUR, markersize=2, rasterized=True)
    axes[0, 0].set(xlabel="latent component 1 (latent units)", ylabel="latent component 2 (latent units)")
    return figure


def preview_figure(view: TrainingView) -> Figure:
    """Latents coloured along component 1, projections of the model where that is low and high, and their difference."""
    figure, ((plane, *first), (below, *second)) = new_figure(4, 2)
    plane.scatter(*view.points.T, c=view.points[:, 0], s=1, cmap=SEQUENTIAL, rasterized=True)
    for name, place in zip("AB", view.chosen, strict=True):
        plane.plot(*place, "o", markersize=7, markerfacecolor="none", markeredgecolor="black")
        plane.annotate(name, place, xytext=(5, 5), textcoords="offset points")
    plane.set(xlabel="latent component 1", ylabel="latent component 2")
    below.set_axis_off()
    low, high = view.projections
    furthest = float(abs(high - low).max())
    for number, row in enumerate((first, second)):
        for axis, picture, title in zip(
            row, (low[number], high[number], high[number] - low[number]), ("A", "B", "B - A")
        ):
            is_difference = title == "B - A"
            limits = (-furthest, furthest) if is_difference else (0, float(view.projections.max()))
            axis.imshow(
                picture,
                cmap="RdBu_r" if is_difference else "gray",
                origin="lower",
                vmin=limits[0],
                vmax=limits[1],
            )
            axis.set(xticks=[], yticks=[])
            axis.set_title(f"{title}, {VIEWS[number]}", fontsize=TEXT_SIZE)
    return figure


def map_figure(paths: list[Path], titles: list[str]) -> Figure:
    """Slices of maps through the middle of their density, one row a map: perpendicular to z, y and x. Titles stand at the left.

    All maps are cut to the same part of the box: what is dense in any of them, and a margin.
    """
    shown = [(read_map(path).volume, title) for path, title in zip(paths, titles)][:MAXIMUM_MAPS_IN_A_FIGURE]
    figure, axes = new_figure(3, len(shown))
    part = _dense_part([volume for volume, _ in shown])
    for number, (row, (volume, title)) in enumerate(zip(axes, shown)):
        z, y, x = _middle_of_density(volume[part])
        limits = {
            "vmin": float(np.percentile(volume, 1)),
            "vmax": float(np.percentile(volume[part], DISPLAY_PERCENTILE)),
        }
        panels = (volume[part][z], volume[part][:, y], volume[part][:, :, x])
        for axis, panel, name in zip(row, panels, "zyx"):
            axis.imshow(panel, cmap="gray", origin="lower", **limits)
            axis.set(xticks=[], yticks=[])
            if number == 0:
                axis.set_title(f"{name} slice", fontsize=TEXT_SIZE)
        row[0].set_ylabel(title)
    return figure


def _dense_part(volumes: list[np.ndarray]) -> tuple[slice, slice, slice]:
    """The smallest cube about the dense voxels of all maps, with a margin, within the box."""
    positions = np.concatenate([_dense_voxels(volume) for volume in volumes])
    middle = (positions.min(axis=0) + positions.max(axis=0)) / 2
    half_side = (positions.max(axis=0) - positions.min(axis=0)).max() / 2 * (1 + MARGIN) + 2
    lowest = np.maximum(np.floor(middle - half_side), 0).astype(int)
    highest = np.minimum(np.ceil(middle + half_side) + 1, volumes[0].shape).astype(int)
    z, y, x = (slice(int(low), int(high)) for low, high in zip(lowest, highest))
    return z, y, x


def _middle_of_density(volume: np.ndarray) -> tuple[int, int, int]:  # ordered zyx
    z, y, x = np.median(_dense_voxels(volume), axis=0).astype(int).tolist()
    return z, y, x


def _dense_voxels(volume: np.ndarray) -> np.ndarray:  # (k, 3), k at least 1
    dense = np.argwhere(volume > DENSE_FRACTION_OF_MAXIMUM * volume.max())
    return dense if len(dense) else np.array([volume.shape]) // 2
