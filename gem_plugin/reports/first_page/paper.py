"""The figure for a paper: landscape or free energy, states as surfaces, motion, populations with errors, FSC of the states.

180 mm wide, letters of 6 to 8 points, text as text in PDF and SVG, surfaces as images of 600 dots per inch. A panel that the run has
nothing for is absent, and the others use its room.
"""

import string
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ticker import MaxNLocator

from gem_plugin.imaging.resolution import RESOLUTION_FSC
from gem_plugin.io.whole_files import whole_file
from gem_plugin.reports.figures.save import (
    BAR_ASPECT,
    SEQUENTIAL,
    SMALL_TEXT_SIZE,
    TEXT_SIZE,
    TEXT_STYLE,
    THIN_LINE,
    add_colour_bar,
    colour_of_group,
    write_number,
)
from gem_plugin.reports.first_page.molecule import Molecule
from gem_plugin.reports.first_page.panels import (
    Pictures,
    Plane,
    draw_pictures,
    show_consensus,
    show_plane,
    show_states,
)
from gem_plugin.reports.first_page.picture import grid_of_states

WIDTH_IN_MM, MM_PER_INCH = 180.0, 25.4
WIDTH_IN_INCHES = WIDTH_IN_MM / MM_PER_INCH
HEIGHT_OF_ROWS_IN_INCHES = (2.3, 2.0)
DOTS_PER_INCH, DOTS_PER_INCH_OF_PREVIEW = 600, 200
LETTER_SIZE = 8.0  # points, of a, b, c
FONTS = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans")  # the first that is installed
SUFFIXES = (".pdf", ".svg", ".png")
WIDTHS = {
    "landscape": 1.0,
    "states": 2.0,
    "motion": 1.15,
    "populations": 1.0,
    "fsc": 1.0,
}  # relative, in a row
ROWS = (("landscape", "states"), ("motion", "populations", "fsc"))
HEIGHT_OF_SURFACE = {"states": 0.68, "motion": 0.75}  # of its row
SAME_EVERY_TIME = "gem"  # names inside the SVG
ROOM_OF_STATES = 2.0  # width over height


@dataclass(frozen=True)
class EnergyPanel:
    """Free energy on two coordinates, and where the states are in it."""

    energy_in_kt: np.ndarray  # (ny, nx)
    extent: tuple[float, float, float, float]
    labels: tuple[str, str]
    middles: dict[int, np.ndarray]  # state -> (2,)


@dataclass(frozen=True)
class PopulationPanel:
    """Fractions of the states with their intervals."""

    numbers: list[int]
    fractions: np.ndarray  # (k,)
    lower: np.ndarray  # (k,) of the 90 % interval; the fraction itself where no error is known
    upper: np.ndarray  # (k,)
    has_errors: bool


@dataclass(frozen=True)
class PaperContents:
    """What the run holds of the figure; None or empty for what it does not."""

    molecule: Molecule | None
    plane: Plane | None
    energy: EnergyPanel | None
    populations: PopulationPanel | None
    curves: dict[
        str, tuple[np.ndarray, np.ndarray, int]
    ]  # label -> 1/Å (s,), FSC (s,), state (0: all particles)
    badges: dict[int, str]


def draw_paper_figure(stem: Path, contents: PaperContents) -> list[Path]:
    """Write stem.pdf, stem.svg and, to look at, stem.png; nothing where the run holds no panel."""
    with matplotlib.rc_context({**TEXT_STYLE, **paper_style()}):
        figure = paper_figure(contents)
        if figure is None:
            return []
        written = []
        for suffix in SUFFIXES:
            path = stem.with_name(stem.name + suffix)
            dots = {".png": DOTS_PER_INCH_OF_PREVIEW}.get(suffix, DOTS_PER_INCH)
            metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(suffix)
            with whole_file(path) as temporary:
                figure.savefig(temporary, dpi=dots, metadata=metadata)
            written.append(path)
    return written


def paper_style() -> dict[Any, Any]:
    """Text stays text that can be edited, in a font that journals take."""
    return {
        "font.family": first_installed_font(),
        "svg.fonttype": "none",
        "svg.hashsalt": SAME_EVERY_TIME,
        "pdf.fonttype": 42,
        "mathtext.default": "regular",
    }


def first_installed_font() -> str:
    """Arial or what is most like it."""
    for name in FONTS:
        try:
            findfont(FontProperties(family=name), fallback_to_default=False)
        except ValueError:
            continue
        return name
    return FONTS[-1]


def paper_figure(contents: PaperContents) -> Figure | None:
    """All panels that there are, in at most two rows."""
    fill = _fillers(contents)
    rows = [[name for name in row if name in fill] for row in ROWS]
    rows = [row for row in rows if row]
    if not rows:
        return None
    if len(rows) == 2 and len(rows[0]) == len(rows[1]) == 1:
        rows = [rows[0] + rows[1]]
    heights = HEIGHT_OF_ROWS_IN_INCHES[: len(rows)]
    figure = Figure(figsize=(WIDTH_IN_INCHES, sum(heights)), layout="constrained")
    parts = figure.subfigures(len(rows), 1, height_ratios=heights, squeeze=False)[:, 0]
    letters = iter(string.ascii_lowercase)
    for part, row in zip(parts, rows, strict=True):
        columns = part.subfigures(1, len(row), width_ratios=[WIDTHS[name] for name in row], squeeze=False)[0]
        for column, name in zip(columns, row, strict=True):
            fill[name](column)
            column.suptitle(next(letters), x=0.01, ha="left", fontsize=LETTER_SIZE, weight="bold")
    return figure


def _fillers(contents: PaperContents) -> dict[str, Callable[[Any], None]]:
    """What draws each panel, for those that there are."""
    found: dict[str, Callable[[Any], None]] = {}
    if contents.energy is not None:
        found["landscape"] = partial(_fill_energy, energy=contents.energy)
    elif contents.plane is not None:
        found["landscape"] = partial(_fill_plane, plane=contents.plane)
    if contents.molecule is not None:
        pictures = _pictures(contents.molecule)
        if pictures.states:
            found["states"] = partial(_fill_states, pictures=pictures, badges=contents.badges)
        found["motion"] = partial(_fill_motion, pictures=pictures)
    if contents.populations is not None:
        found["populations"] = partial(_fill_populations, populations=contents.populations)
    if contents.curves:
        found["fsc"] = partial(_fill_curves, curves=contents.curves)
    return found


def _pictures(molecule: Molecule) -> Pictures:
    """With as many pixels as 600 dots per inch show."""
    n_states = max(1, len(molecule.states))
    aspect = molecule.frame.width / molecule.frame.height
    width = WIDTH_IN_INCHES * WIDTHS["states"] / (WIDTHS["states"] + WIDTHS["landscape"])
    rows, columns = grid_of_states(n_states, aspect, ROOM_OF_STATES)
    height = min(HEIGHT_OF_ROWS_IN_INCHES[0] * HEIGHT_OF_SURFACE["states"] / rows, width / columns / aspect)
    of_motion = HEIGHT_OF_ROWS_IN_INCHES[1] * HEIGHT_OF_SURFACE["motion"]
    return draw_pictures(
        molecule, round(height * DOTS_PER_INCH), round(of_motion * DOTS_PER_INCH), supersampling=1
    )


def _fill_energy(part: Any, energy: EnergyPanel) -> None:
    axes = part.subplots()
    image = axes.imshow(
        energy.energy_in_kt, origin="lower", extent=energy.extent, aspect="auto", cmap=SEQUENTIAL
    )
    add_colour_bar(part, image, axes, "free energy (kT)")
    for number, middle in energy.middles.items():
        write_number(axes, middle, number, TEXT_SIZE)
    axes.set_xlabel(energy.labels[0])
    axes.set_ylabel(energy.labels[1])


def _fill_plane(part: Any, plane: Plane) -> None:
    show_plane(part.subplots(), plane, size=1.0)


def _fill_states(part: Any, pictures: Pictures, badges: dict[int, str]) -> None:
    aspect = pictures.frame.width / pictures.frame.height
    grid = grid_of_states(len(pictures.states), aspect, ROOM_OF_STATES)
    panels = part.subplots(*grid, squeeze=False).ravel().tolist()
    show_states(panels, pictures, {number: [badge] for number, badge in badges.items()})


def _fill_motion(part: Any, pictures: Pictures) -> None:
    axes = part.subplots()
    colours = show_consensus(axes, pictures)
    if colours is not None and pictures.change is not None:
        longer = (
            f"; arrows × {pictures.arrows.scale}" if pictures.arrows and pictures.arrows.scale > 1 else ""
        )
        part.colorbar(
            colours,
            ax=axes,
            label=pictures.change.value + longer,
            orientation="horizontal",
            shrink=0.55,
            aspect=BAR_ASPECT,
            pad=0.02,
        )


def _fill_populations(part: Any, populations: PopulationPanel) -> None:
    axes = part.subplots()
    fractions = 100 * populations.fractions
    errors = np.stack([fractions - 100 * populations.lower, 100 * populations.upper - fractions])
    places = np.arange(len(fractions))
    axes.bar(
        places,
        fractions,
        yerr=np.maximum(errors, 0) if populations.has_errors else None,
        color=[colour_of_group(number) for number in populations.numbers],
        error_kw={"elinewidth": 0.8, "capsize": 2, "capthick": 0.8},
        width=0.7,
    )
    axes.set_xticks(places, [str(number) for number in populations.numbers])
    axes.set_xlabel("state")
    axes.set_ylabel("fraction of the particles (%)")
    _without_frame(axes)


def _fill_curves(part: Any, curves: dict[str, tuple[np.ndarray, np.ndarray, int]]) -> None:
    axes = part.subplots()
    for label, (frequencies, correlations, state) in curves.items():
        colour = "0.35" if state == 0 else colour_of_group(state)
        style = "--" if state == 0 else "-"
        axes.plot(frequencies, correlations, style, color=colour, linewidth=THIN_LINE, label=label)
    axes.axhline(RESOLUTION_FSC, color="0.6", linewidth=0.6)
    axes.set_ylim(-0.1, 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("spatial frequency (1/Å)")
    axes.set_ylabel("half-map FSC in the mask")
    axes.legend(fontsize=SMALL_TEXT_SIZE, frameon=False, ncols=1 + len(curves) // 7, handlelength=1.2)
    _without_frame(axes)


def _without_frame(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
