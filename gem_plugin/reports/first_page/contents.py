"""What the first page shows of a run: the surfaces, the plane of the particles, and the text under each state."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gem_plugin.io.run import figure_names as names
from gem_plugin.reports.first_page.molecule import (
    Change,
    ColouredConsensus,
    Molecule,
    molecule_of,
    shown_states,
)
from gem_plugin.reports.first_page.plane import Plane
from gem_plugin.reports.plain_numbers import percent
from gem_plugin.reports.sections.populations import populations_if_there
from gem_plugin.reports.verdicts import verdicts_of_figure
from gem_plugin.results.kept_products import print_of
from gem_plugin.results.particle_columns import ColumnKind, drawn_columns
from gem_plugin.results.run import Run
from gem_plugin.results.state_sources import COLUMN_OF_SOURCE, SKETCH

if TYPE_CHECKING:
    from gem_plugin.reports.first_page.pictures import Pictures

PIXELS_OF_ALL_STATES = 400 * 400  # how many they have together
LARGEST_PICTURE, SMALLEST_PICTURE = 280, 120  # rows of the picture of one state
ROWS_OF_CONSENSUS = 300


@dataclass(frozen=True)
class FirstPage:
    """The contents of the picture, each drawn once when it is first needed."""

    run: Run

    @cached_property
    def molecule(self) -> Molecule | None:
        return molecule_of(self.run)

    @cached_property
    def pictures(self) -> Pictures | None:
        if self.molecule is None:
            return None
        from gem_plugin.reports.first_page.pictures import draw_pictures  # not wanted where these are kept

        n_states = max(1, len(self.molecule.states))
        rows = int(np.clip((PIXELS_OF_ALL_STATES / n_states) ** 0.5, SMALLEST_PICTURE, LARGEST_PICTURE))
        return draw_pictures(self.molecule, rows, ROWS_OF_CONSENSUS)

    @cached_property
    def plane(self) -> Plane | None:
        return plane_of(self.run)

    @cached_property
    def lines_of(self) -> dict[int, list[str]]:
        return {number: lines_of_state(self.run, number) for number in shown_states(self.run)}

    @cached_property
    def shown(self) -> tuple[str, Plane | None, dict[int, list[str]]]:
        """Everything that the picture shows; of the molecule, which is large, a hash."""
        return print_of(self.molecule), self.plane, self.lines_of

    @property
    def badges(self) -> dict[int, str]:
        return {number: self.run.checks.badge(number) for number in shown_states(self.run)}

    @property
    def path(self) -> Path:
        """The picture as PNG."""
        return self.run.files.figures / f"{names.FIRST_PAGE}.png"

    @cached_property
    def caption(self) -> str:
        """What the panels that there are show, from left to right, and the verdict on each state."""
        sentences = []
        if self.molecule is not None and self.molecule.states:
            sentences.append(_about_states(self.run, len(self.molecule.states)))
        if self.molecule is not None:
            sentences.append(_about_consensus(self.molecule.consensus))
        if self.plane is not None:
            coloured = ", numbered and coloured by state" if self.plane.states.any() else ""
            sentences.append(f"All particles on {self.plane.labels[0]} and {self.plane.labels[1]}{coloured}.")
        return " ".join([*sentences, verdicts_of_figure(self.run, names.FIRST_PAGE)]).strip()

    @property
    def drawn_from(self) -> tuple[Pictures | None, Plane | None, dict[int, list[str]]]:
        """What its panels are drawn from, as draw_first_page takes it."""
        return self.pictures, self.plane, self.lines_of


def plane_of(run: Run) -> Plane | None:
    """The plane that the report's plot of the particles begins with, with the states of landscape; None before there are latents."""
    columns = drawn_columns(run.particle_columns())
    numbers = [one for one in columns if one.kind is ColumnKind.NUMBER]
    if len(numbers) < 2 or run.latents_if_there is None:
        return None
    of_states = COLUMN_OF_SOURCE[SKETCH]
    states = next((one.values for one in run.particle_columns() if one.name == of_states), None)
    x, y = numbers[:2]
    of_particles = np.zeros(len(x.values), np.int64) if states is None else states.astype(np.int64)
    return Plane(np.stack([x.values, y.values], axis=1), (x.label, y.label), of_particles)


def lines_of_state(run: Run, number: int) -> list[str]:
    """Population with its 90 % interval, and the badge."""
    populations = populations_if_there(run)
    if populations is not None and number in populations.numbers:
        index = number - 1
        low, high = (100 * one[index] for one in (populations.lower, populations.upper))
        size = f"{percent(populations.fractions[index])} ({low:.1f}–{high:.1f})"
    else:
        size = percent(run.state_counts[number] / max(1, sum(run.state_counts.values())))
    return [size, run.checks.badge(number)]


def _about_states(run: Run, n_shown: int) -> str:
    n_states = len(run.state_maps)
    which = (
        "The state"
        if n_states == 1
        else "The states"
        if n_shown == n_states
        else f"The {n_shown} largest of {n_states} states"
    )
    interval = " (90 % interval)" if populations_if_there(run) is not None else " by counting"
    return (
        f"{which} as surfaces of their mean maps, in one view at one density level, each with the fraction of the particles{interval} "
        "and its verdict."
    )


def _about_consensus(consensus: ColouredConsensus) -> str:
    if consensus.change is None:
        return "The consensus; how much changes where is not known."
    what = {
        Change.MOTION: "how far each part moves (root mean square over the particles)",
        Change.AMPLITUDE: "how much the amplitude changes (standard deviation over mean): no part moves as a whole",
        Change.DENSITY: "how much the density differs between the states (standard deviation), as the model has no Gaussians to follow",
    }[consensus.change]
    arrows = ""
    if consensus.arrows is not None:
        scale = consensus.arrows.scale
        longer = f", {scale} times as long as they are" if scale > 1 else ""
        arrows = f" Arrows: the largest joint motion, two standard deviations{longer}."
    return f"The consensus coloured by {what}.{arrows}"
