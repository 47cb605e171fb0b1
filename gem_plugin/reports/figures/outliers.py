"""Figures of what training found of each particle: the probability to be an outlier, and how far its pose moved."""

from pathlib import Path

import numpy as np

from gem_plugin.reports.figures.save import OKABE_ITO, SMALL_TEXT_SIZE, new_figure, save_figure

N_BINS = 40
OUTERMOST_IN_PERCENT = (0.1, 99.9)  # of the contrasts: beyond them lie a few that would squeeze all others


def draw_outliers(
    stem: Path,
    probabilities: np.ndarray,  # (n,)
    is_outlier: np.ndarray,  # (n,) bool
    contrasts: np.ndarray | None,  # (n,)
) -> list[Path]:
    """How sure the model is, and the contrasts of outliers beside those of the other particles."""
    figure, panels = new_figure(1 if contrasts is None else 2, height_of_panel=0.7)
    axes = panels[0, 0]
    edges = np.linspace(0, 1, N_BINS + 1)
    counted = np.histogram(probabilities, edges)[0]
    colours = [OKABE_ITO[3] if edge >= 0.5 else OKABE_ITO[0] for edge in edges[:-1]]
    axes.bar(edges[:-1], counted, width=1 / N_BINS, align="edge", color=colours)
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.7)
    axes.set_xlabel("probability to be an outlier")
    axes.set_ylabel("particles")
    if contrasts is not None:
        axes = panels[0, 1]
        low, high = np.percentile(contrasts, OUTERMOST_IN_PERCENT)
        edges = np.linspace(low, max(high, low + 1e-3), N_BINS + 1)
        parts = [contrasts[~is_outlier].clip(low, high), contrasts[is_outlier].clip(low, high)]
        labels = ["in states", "outliers"]
        axes.hist(parts, edges, stacked=True, color=[OKABE_ITO[0], OKABE_ITO[3]], label=labels)
        axes.legend(fontsize=SMALL_TEXT_SIZE)
        axes.set_xlabel("contrast of the particle (1: usual)")
        axes.set_ylabel("particles")
    return save_figure(figure, stem)


def draw_pose_changes(
    stem: Path,
    rotations_in_degrees: np.ndarray,  # (n,)
    distances_in_angstroms: np.ndarray,  # (n,)
) -> list[Path]:
    """How far the orientation and the centre of each particle moved."""
    figure, panels = new_figure(2, height_of_panel=0.7)
    shown = (
        (rotations_in_degrees, "change of the orientation (degrees)"),
        (distances_in_angstroms, "change of the centre (Å)"),
    )
    for axes, (values, label) in zip(panels[0], shown, strict=True):
        highest = max(float(values.max(initial=0)), 1e-3)
        axes.hist(values, np.linspace(0, highest, N_BINS + 1), color=OKABE_ITO[0])
        axes.set_xlabel(label)
        axes.set_ylabel("particles")
        axes.set_xlim(0, highest)
    return save_figure(figure, stem)
