"""The pictures that an external job shows: training curves, latents, slices of maps."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gem_plugin.io.map_files import read_map
from gem_plugin.reports.save_figure import draw_density, new_figure

MOST_MAPS_IN_A_FIGURE = 12


def training_figure(history: Path) -> Figure | None:
    """Every column of history.csv against the epoch; None while it holds no row."""
    try:
        table = pd.read_csv(history)
    except (OSError, ValueError):
        return None  # not there yet
    names = [name for name in table.select_dtypes("number") if name != "epoch"]
    if not len(table) or not names:
        return None
    epochs = table["epoch"] if "epoch" in table else np.arange(1, len(table) + 1)
    figure, axes = new_figure(len(names), 1)
    for axis, name in zip(axes[0], names):
        axis.plot(epochs, table[name], marker=".")
        axis.set(xlabel="epoch", ylabel=str(name).replace("_", " "))
    return figure


def latent_figure(latents: np.ndarray) -> Figure:  # (n, latent_size)
    """The particles on the first two principal components of their latents."""
    centred = latents - latents.mean(axis=0)
    axes_of_spread = np.linalg.svd(centred.T @ centred)[0]  # (latent_size, latent_size)
    points = centred @ axes_of_spread[:, :2]
    if points.shape[1] == 1:
        points = np.column_stack([points[:, 0], np.arange(len(points))])
    figure, axes = new_figure()
    draw_density(axes[0, 0], points)
    axes[0, 0].set(xlabel="latent component 1", ylabel="latent component 2")
    return figure


def map_figure(paths: list[Path], titles: list[str]) -> Figure:
    """Central slices of maps, one row a map: perpendicular to z, y and x."""
    shown = list(zip(paths, titles))[:MOST_MAPS_IN_A_FIGURE]
    figure, axes = new_figure(3, len(shown))
    for row, (path, title) in zip(axes, shown):
        volume = read_map(path)[0]
        middle = volume.shape[0] // 2
        limits = {"vmin": float(np.percentile(volume, 1)), "vmax": float(volume.max())}
        for axis, panel, name in zip(row, (volume[middle], volume[:, middle], volume[:, :, middle]), "zyx"):
            axis.imshow(panel, cmap="gray", origin="lower", **limits)
            axis.set(title=f"{title}, across {name}", xticks=[], yticks=[])
    return figure
