"""Figures of compared samples: fractions of the states, how sure the differences are, and free energies."""

from pathlib import Path

import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes

from gem_plugin.landscape.sample_energies import SampleEnergies
from gem_plugin.reports.figures.save import (
    MARKERS,
    OKABE_ITO,
    SEQUENTIAL,
    SMALL_MARKER,
    SMALL_TEXT_SIZE,
    THIN_LINE,
    add_colour_bar,
    new_figure,
    save_figure,
)
from gem_plugin.results.sample_comparison import SIGNIFICANT, ComparedSamples

DIVERGING = "RdBu_r"
WIDTH_OF_A_STATE = 0.6  # of the samples beside each other, of the distance between states
MAXIMUM_NAME_LENGTH = 18
HIGHEST_ENERGY = 99.0  # percentile: the rim of the populated part would take most of the colours
MAXIMUM_NUMBERS = 30  # of states that do not differ


def draw_samples(stem: Path, compared: ComparedSamples) -> list[Path]:
    """Fractions of the states in each sample, and p-values over differences."""
    figure, panels = new_figure(2, height_of_panel=0.85)
    _draw_fractions(panels[0, 0], compared)
    _draw_volcano(panels[0, 1], compared)
    return save_figure(figure, stem)


def _draw_fractions(axes: Axes, compared: ComparedSamples) -> None:
    n_samples, n_states = compared.fractions.shape
    states = np.arange(1, n_states + 1)
    for sample in range(n_samples):
        offset = WIDTH_OF_A_STATE * ((sample + 0.5) / n_samples - 0.5)
        fractions = 100 * compared.fractions[sample]
        limits = fractions - 100 * compared.lower[sample], 100 * compared.upper[sample] - fractions
        axes.errorbar(
            states + offset,
            fractions,
            limits,
            fmt=MARKERS[sample // len(OKABE_ITO) % len(MARKERS)],
            color=OKABE_ITO[sample % len(OKABE_ITO)],
            markersize=SMALL_MARKER,
            linewidth=THIN_LINE,
            capsize=2,
            label=short_name(compared.names[sample]),
        )
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(min(n_states, 20), integer=True))
    axes.set_xlim(0.4, n_states + 0.6)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("state")
    axes.set_ylabel("fraction of the particles (%)")
    axes.legend(fontsize=SMALL_TEXT_SIZE, title=None)


def _draw_volcano(axes: Axes, compared: ComparedSamples) -> None:
    """One point per state and pair of samples; those that differ have numbers and colours."""
    numbers_written = 0
    for pair, (first, second) in enumerate(compared.pairs):
        x, p_values = 100 * compared.differences[pair], compared.corrected_p_values[pair]
        y = -np.log10(p_values)
        is_significant = p_values < SIGNIFICANT
        colour = OKABE_ITO[(pair + 3) % len(OKABE_ITO)]
        label = f"{short_name(second)} less {short_name(first)}" if is_significant.any() else None
        axes.plot(x, y, "o", color="#BBBBBB", markersize=SMALL_MARKER)
        axes.plot(
            x[is_significant], y[is_significant], "o", color=colour, markersize=2 * SMALL_MARKER, label=label
        )
        for index in np.argsort(p_values).tolist():
            if is_significant[index] or numbers_written < MAXIMUM_NUMBERS:
                numbers_written += 1
                axes.annotate(
                    str(index + 1),
                    (x[index], y[index]),
                    xytext=(3, 3),
                    textcoords="offset points",
                    fontsize=SMALL_TEXT_SIZE,
                )
    line = -np.log10(SIGNIFICANT)
    axes.axhline(line, color="#888888", linestyle="--", linewidth=THIN_LINE)
    axes.axvline(0, color="#888888", linewidth=0.5)
    furthest = 1.15 * max(100 * np.abs(compared.differences).max(), 0.5)
    axes.set_xlim(-furthest, furthest)
    axes.set_ylim(-0.05, 1.15 * max(-np.log10(compared.corrected_p_values.min()), 2 * line))
    axes.set_ylabel("-log10 of the corrected p-value")
    if len(compared.pairs) == 1:
        axes.set_xlabel(
            f"difference, {' less '.join(map(short_name, reversed(compared.pairs[0])))} (percentage points)"
        )
        return
    axes.set_xlabel("difference (percentage points)")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=SMALL_TEXT_SIZE, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)


def draw_sample_energies(
    stem: Path,
    energies: SampleEnergies,
    pair: int,  # of energies.pairs
    names: tuple[str, ...],  # of all samples
    coordinate: str,  # of the axes, with {} for 1 and 2
) -> list[Path]:
    """Energies of two samples on one scale, their difference, and its standard error."""
    figure, panels = new_figure(2, 2, height_of_panel=0.8)
    first, second = energies.pairs[pair].tolist()
    highest = float(np.nanpercentile(energies.energies[[first, second]], HIGHEST_ENERGY))
    difference, error = energies.differences[pair], energies.difference_errors[pair]
    known = np.abs(difference[np.isfinite(difference)])
    limit = max(float(np.percentile(known, HIGHEST_ENERGY)) if len(known) else 1.0, 0.1)
    highest_error = float(np.nanpercentile(error, HIGHEST_ENERGY)) if np.isfinite(error).any() else 1.0
    shown = (
        (energies.energies[first], f"free energy of {short_name(names[first])} (kT)", SEQUENTIAL, 0, highest),
        (
            energies.energies[second],
            f"free energy of {short_name(names[second])} (kT)",
            SEQUENTIAL,
            0,
            highest,
        ),
        (
            difference,
            f"{short_name(names[second])} less {short_name(names[first])} (kT)",
            DIVERGING,
            -limit,
            limit,
        ),
        (error, "standard error of the difference (kT)", SEQUENTIAL, 0, highest_error),
    )
    x, y = energies.x_centres, energies.y_centres
    extent = (float(x[0]), float(x[-1]), float(y[0]), float(y[-1]))
    for axes, (values, title, colours, low, high) in zip(panels.ravel(), shown, strict=True):
        image = axes.imshow(
            values, origin="lower", extent=extent, aspect="auto", cmap=colours, vmin=low, vmax=high
        )
        add_colour_bar(figure, image, axes, title)
        axes.set_xlabel(coordinate.format(1))
        axes.set_ylabel(coordinate.format(2))
    scores = np.nan_to_num(np.abs(difference) / np.where(error > 0, error, np.inf))
    if (scores > 2).any() and (scores < 2).any():
        panels[1, 0].contour(x, y, scores, levels=[2], colors="black", linewidths=0.6)
    return save_figure(figure, stem)


def short_name(name: str) -> str:
    """The name of a sample as a figure has space for it."""
    return name if len(name) <= MAXIMUM_NAME_LENGTH else name[: MAXIMUM_NAME_LENGTH - 1] + "…"
