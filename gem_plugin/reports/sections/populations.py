"""The table of report.html on the fractions of the states: counted, by maximum likelihood with intervals, and free energies."""

from html import escape

import numpy as np

from gem_plugin.reports.plain_numbers import percent
from gem_plugin.reports.sections.html_parts import table
from gem_plugin.results.checks import RunChecks
from gem_plugin.results.populations import StatePopulations
from gem_plugin.results.run import Run


def populations_if_there(run: Run) -> StatePopulations | None:
    """None in runs of versions before 0.2.0."""
    return run.populations() if run.files.landscape.populations.is_file() else None


def fraction_in_words(populations: StatePopulations, number: int) -> str:
    """Fraction of a state with its interval: 12.1 % (11.0 % to 13.2 %)."""
    index = number - 1
    limits = f"{percent(populations.lower[index])} to {percent(populations.upper[index])}"
    return f"{percent(populations.fractions[index])} ({limits})"


def populations_table(populations: StatePopulations | None, checks: RunChecks) -> str:
    """One row for each state, and what the errors contain; empty where there are no populations."""
    if populations is None:
        return ""
    header = [
        "state",
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
            checks.badge(number),
        ]
        for number in populations.numbers
    ]
    return f"<h3>Populations</h3><p>{escape(populations.sentence)}</p>" + table(header, rows)


def _energy_in_words(populations: StatePopulations, index: int) -> str:
    energy, error = populations.energies_in_kt[index], populations.energy_errors_in_kt[index]
    if np.isfinite(energy) and np.isfinite(error):
        return f"{energy:.2f} ± {error:.2f}" if index != populations.fractions.argmax() else "0"
    upper = populations.upper[index]
    if upper <= 0:
        return "not measured"
    return f"above {-np.log(upper / populations.fractions.max()):.1f}"
