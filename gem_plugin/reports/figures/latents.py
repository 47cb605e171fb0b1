"""Figures of the latent space: its principal components and its UMAP."""

from functools import partial
from pathlib import Path

import numpy as np

from gem_plugin.io.run import figure_names as names
from gem_plugin.landscape.latents.components import LatentComponents
from gem_plugin.progress import Track, untracked
from gem_plugin.reports.figures.save import OKABE_ITO, SMALL_TEXT_SIZE, draw_density, new_figure, save_figure


def draw_latent_figures(
    folder: Path,
    latents: np.ndarray,  # (n, latent_size)
    components: LatentComponents,
    sketch_rows: np.ndarray,  # (k,): the particles whose maps were decoded
    layout: np.ndarray | None,  # (n, 2): UMAP, None where it was skipped
    track: Track = untracked,
) -> list[Path]:
    """Every figure of the analyze step."""
    ratios = components.explained_variance_ratio
    points = components.scores[:, :2] if latents.shape[1] > 1 else _with_row_axis(components.scores[:, 0])
    labels = ("latent component 1", "latent component 2" if latents.shape[1] > 1 else "particle row")
    figures = [
        partial(draw_explained_variance, folder / names.LATENTS_EXPLAINED_VARIANCE, ratios),
        partial(draw_particle_map, folder / names.LATENTS_PCA, points, sketch_rows, labels),
    ]
    if layout is not None:
        axes = ("UMAP 1", "UMAP 2")
        figures.append(partial(draw_particle_map, folder / names.LATENTS_UMAP, layout, sketch_rows, axes))
    return [path for draw in track(figures, "figures of the latents", unit="figure") for path in draw()]


def draw_explained_variance(stem: Path, ratios: np.ndarray) -> list[Path]:
    """Percentage of the variance on each component."""
    figure, panels = new_figure(height_of_panel=0.75)
    axes = panels[0, 0]
    numbers = np.arange(1, len(ratios) + 1)
    axes.bar(numbers, 100 * ratios, color=OKABE_ITO[0])
    axes.set_xlabel("component")
    axes.set_ylabel("variance (percent)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    return save_figure(figure, stem)


def draw_particle_map(
    stem: Path,
    points: np.ndarray,  # (n, 2)
    marked_rows: np.ndarray,
    labels: tuple[str, str],
) -> list[Path]:
    """All particles as density, the decoded ones with their map numbers."""
    figure, panels = new_figure(height_of_panel=0.85)
    axes = panels[0, 0]
    draw_density(axes, points)
    axes.plot(
        points[marked_rows, 0], points[marked_rows, 1], "o", color=OKABE_ITO[3], markersize=4, mec="white"
    )
    if len(marked_rows) <= 50:
        for number, (x, y) in enumerate(points[marked_rows], start=1):
            axes.annotate(
                str(number), (x, y), xytext=(3, 3), textcoords="offset points", fontsize=SMALL_TEXT_SIZE
            )
    axes.set_xlabel(f"{labels[0]} (arbitrary units)")
    axes.set_ylabel(f"{labels[1]} (arbitrary units)")
    return save_figure(figure, stem)


def _with_row_axis(values: np.ndarray) -> np.ndarray:  # (n,) -> (n, 2)
    return np.stack([values, np.arange(len(values))], axis=1)
