"""The chapter of report.html on where the states are in the tomograms: neighbours against chance, distances, one tomogram."""

from html import escape

import numpy as np

from gem_plugin.reports.figures.order import POSITIONS as CHAPTER
from gem_plugin.reports.plain_numbers import percent
from gem_plugin.reports.sections.figures import figures_of
from gem_plugin.reports.sections.html_parts import table
from gem_plugin.results.run import Run
from gem_plugin.results.sample_comparison import p_in_words
from gem_plugin.results.state_positions import StatePositions, position_files, positions_if_there
from gem_plugin.results.state_sources import FULL, LEIDEN, SKETCH

HEADINGS = {
    SKETCH: "States of landscape",
    FULL: "States of landscape-full",
    LEIDEN: "Leiden communities of landscape-full",
}
MAXIMUM_STATES_OF_DISTANCES = 12  # more columns are not readable; the file has all


def has_positions_section(run: Run) -> bool:
    """Whether particles have positions in tomograms."""
    return any(_measured(run, source) is not None for source in HEADINGS)


def positions_section(run: Run) -> str:
    """What was found, the figures, and for each set of states its numbers."""
    found = {source: _measured(run, source) for source in HEADINGS}
    measured = {source: one for source, one in found.items() if one is not None}
    first = next(iter(measured.values()), None)
    if first is None:
        return ""
    tables = "".join(
        (f"<h3>{HEADINGS[source]}</h3>" if len(measured) > 1 else "") + _of_source(run, source, one)
        for source, one in measured.items()
    )
    return f"<p><strong>{escape(first.in_words())}</strong></p>{figures_of(run, CHAPTER)}{tables}<p>{escape(first.method)}</p>"


def _measured(run: Run, source: str) -> StatePositions | None:
    return positions_if_there(run.files.landscape, source) if run.has_states(source) else None


def _of_source(run: Run, source: str, measured: StatePositions) -> str:
    files = position_files(run.files.landscape, source)
    return (
        neighbours_table(measured)
        + _distances_table(measured)
        + f"<p>{escape(str(files.star))} has tomogram, coordinates, angles and state of every particle for ArtiaX, "
        f"{escape(files.points.name)} the positions (z, y, x in Å from the centre of the tomogram) for napari.</p>"
    )


def neighbours_table(measured: StatePositions) -> str:
    """One row for each state."""
    found = measured.numbers
    header = [
        "state",
        "particles",
        f"neighbours in the same state, of {found.n_neighbours}",
        "by chance",
        "p-value",
        "verdict",
    ]
    rows = [
        [
            state,
            f"{found.n_particles[state - 1]:,}",
            _with_error(found.fractions[state - 1], found.errors[state - 1]),
            _with_error(found.chance[state - 1], found.chance_errors[state - 1]),
            p_in_words(float(found.p_values[state - 1])).removeprefix("p = ").removeprefix("p "),
            measured.verdict(state),
        ]
        for state in measured.states
    ]
    return table(header, rows)


def _with_error(fraction: float, error: float) -> str:
    return f"{100 * fraction:.1f} ± {100 * error:.1f} %" if np.isfinite(error) else percent(float(fraction))


def _distances_table(measured: StatePositions) -> str:
    """From each state to each; by chance in brackets."""
    found, shown = measured.numbers, measured.states[:MAXIMUM_STATES_OF_DISTANCES]
    header = ["from a particle of", *(f"to the nearest of state {state}, Å (by chance)" for state in shown)]
    rows = [
        [
            f"state {first}",
            *(
                _distance(
                    found.distances_in_angstroms[first - 1, second - 1],
                    found.chance_distances_in_angstroms[first - 1, second - 1],
                )
                for second in shown
            ),
        ]
        for first in shown
    ]
    return "<p>Median distances to the nearest other particle in the same tomogram:</p>" + table(header, rows)


def _distance(distance: float, chance: float) -> str:
    if not np.isfinite(distance):
        return "never in one tomogram"
    return f"{distance:,.0f}" + (f" ({chance:,.0f})" if np.isfinite(chance) else "")
