"""Figures of the motion: how far each Gaussian moves, seen along three axes, and the parts of the molecule."""

from pathlib import Path

import numpy as np

from gem_plugin.landscape.motion.gaussians import GaussianMotion
from gem_plugin.reports.figures.save import (
    SEQUENTIAL,
    TEXT_SIZE,
    add_colour_bar,
    colour_of_group,
    middle_member,
    new_figure,
    save_figure,
    write_number,
)

VIEWS = ((0, 1, "x (Å)", "y (Å)"), (0, 2, "x (Å)", "z (Å)"), (1, 2, "y (Å)", "z (Å)"))


def draw_motion(stem: Path, motion: GaussianMotion) -> list[Path]:
    """Every Gaussian coloured by how far it moves, the most mobile on top."""
    return _draw_three_views(stem, motion, motion.displacement_in_angstroms, "rms motion (Å)")


def draw_amplitude_change(stem: Path, motion: GaussianMotion) -> list[Path]:
    """Every Gaussian coloured by how much its amplitude changes: parts that are there or not."""
    return _draw_three_views(stem, motion, motion.amplitude_change, "amplitude change (fraction of the mean)")


def draw_parts(stem: Path, motion: GaussianMotion) -> list[Path]:
    """Parts that move as one, and how far each moves, with its standard error."""
    table = motion.moving_parts
    numbers = np.arange(1, len(table.gaussians) + 1)
    figure, panels = new_figure(2, 2, height_of_panel=0.85)
    for axes, (x, y, x_label, y_label) in zip(panels.ravel(), VIEWS):
        colours = [colour_of_group(int(part)) for part in motion.parts]
        positions = motion.positions_in_angstroms
        axes.scatter(positions[:, x], positions[:, y], c=colours, s=3, linewidths=0, rasterized=True)
        for number in numbers[table.gaussians > 0]:
            member = motion.parts == number
            write_number(axes, middle_member(positions[member][:, [x, y]]), int(number), TEXT_SIZE)
        axes.set_aspect("equal")
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
    bars = panels[1, 1]
    bars.bar(
        numbers,
        table.motion_in_angstroms,
        yerr=table.motion_error_in_angstroms,
        color=[colour_of_group(int(number)) for number in numbers],
    )
    bars.set_xticks(numbers, ["rest", *(str(number) for number in numbers[1:])])
    bars.set_xlabel("part")
    bars.set_ylabel("rms motion (Å)")
    return save_figure(figure, stem)


def _draw_three_views(stem: Path, motion: GaussianMotion, values: np.ndarray, label: str) -> list[Path]:
    figure, panels = new_figure(len(VIEWS))
    order = np.argsort(values)
    positions = motion.positions_in_angstroms[order]
    for axes, (x, y, x_label, y_label) in zip(panels[0], VIEWS):
        points = axes.scatter(
            positions[:, x],
            positions[:, y],
            c=values[order],
            s=3,
            cmap=SEQUENTIAL,
            linewidths=0,
            vmin=0,
            rasterized=True,
        )
        axes.set_aspect("equal")
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
    add_colour_bar(figure, points, panels[0, -1], label)
    return save_figure(figure, stem)
