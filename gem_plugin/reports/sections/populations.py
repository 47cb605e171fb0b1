"""The table of report.html on the fractions of the states: counted, by maximum likelihood with intervals, and free energies."""

from html import escape

import numpy as np

from gem_plugin.reports.plain_numbers import percent
from gem_plugin.reports.sections.html_parts import table
from gem_plugin.results.checks import RunChecks
from gem_plugin.results.populations import StatePopulations, populations_file
from gem_plugin.results.run import Run
from gem_plugin.results.state_sources import COLUMN_OF_SOURCE, FULL, LEIDEN, SKETCH

OTHER_SOURCES = {  # title of the table, and of its first column
    FULL: ("Populations of the states of landscape-full", COLUMN_OF_SOURCE[FULL]),
    LEIDEN: ("Populations of the Leiden communities", "community"),
}


def populations_if_there(run: Run, source: str = SKETCH) -> StatePopulations | None:
    """None in runs of versions before 0.2.0."""
    is_there = run.has_states(source) and populations_file(run.files.landscape, source).is_file()
    return run.populations(source) if is_there else None


def fraction_in_words(populations: StatePopulations, number: int) -> str:
    """Fraction of a state with its interval: 12.1 % (11.0 % to 13.2 %)."""
    index = number - 1
    limits = f"{percent(populations.lower[index])} to {percent(populations.upper[index])}"
    return f"{percent(populations.fractions[index])} ({limits})"


def populations_of_other_states(run: Run) -> str:
    """The tables of landscape-full and of Leiden communities, where they were made."""
    return "".join(
        populations_table(populations_if_there(run, source), run.checks, source) for source in OTHER_SOURCES
    )


def populations_table(populations: StatePopulations | None, checks: RunChecks, source: str = SKETCH) -> str:
    """One row for each state, and what the errors contain; empty where there are no populations."""
    if populations is None:
        return ""
    title, column = OTHER_SOURCES.get(source, ("Populations", "state"))
    header = [
        column,
        "fraction (90 % interval)",
        "counted",
        "free energy, kT above the largest state",
        populations.drawn_by,
        "verdict",
    ]
    rows = [
        [
            number,
            fraction_in_words(populations, number),
            percent(populations.counted[number - 1]),
            _energy_in_words(populations, number - 1),
            f"{populations.n_groups[number - 1]:,}",
            checks.badge(number, source),
        ]
        for number in populations.numbers
    ]
    sentences = f"{populations.sentence} {checks.how_to_read(populations.numbers, source)}".strip()
    return f"<h3>{title}</h3><p>{escape(sentences)}</p>" + table(header, rows)


def _energy_in_words(populations: StatePopulations, index: int) -> str:
    energy, error = populations.energies_in_kt[index], populations.energy_errors_in_kt[index]
    if np.isfinite(energy) and np.isfinite(error):
        return f"{energy:.2f} ± {error:.2f}" if index != populations.fractions.argmax() else "0"
    upper = populations.upper[index]
    if upper <= 0:
        return "not measured"
    return f"above {-np.log(upper / populations.fractions.max()):.1f}"
