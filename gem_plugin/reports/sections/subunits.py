"""The chapter of report.html on the subunits of each particle: which combinations of states occur, and are they independent?"""

from html import escape

from gem_plugin.landscape.subunits import Pattern
from gem_plugin.reports.plain_numbers import percent
from gem_plugin.reports.sections.html_parts import table
from gem_plugin.results.run import Run
from gem_plugin.results.state_sources import FULL, LEIDEN, SKETCH
from gem_plugin.results.subunits import Subunits

MAXIMUM_PATTERNS_SHOWN = 30
HEADINGS = {
    SKETCH: "States of landscape",
    FULL: "States of landscape-full",
    LEIDEN: "Leiden communities of landscape-full",
}
CAUTION = (
    "Two subunits of one particle are seen in one image, with the same defocus, ice and noise: errors of their states are alike, "
    "too, and can look like positive cooperativity. Compare it with that of particles of high contrast, and look at maps "
    "reconstructed from the particles of one pattern."
)


def subunits_section(run: Run) -> str:
    """For each set of states a sentence, and a table of the combinations, observed and expected."""
    return "".join(_of_source(run, source) for source in HEADINGS if run.has_subunits(source))


def _of_source(run: Run, source: str) -> str:
    subunits, files = run.subunits(source), run.subunit_files(source)
    fractions = ", ".join(
        f"{percent(float(fraction))} in state {number} ({run.checks.badge(number, source)})"
        for number, fraction in enumerate(_fractions(subunits), 1)
    )
    shown = subunits.patterns[:MAXIMUM_PATTERNS_SHOWN]
    n_more = len(subunits.patterns) - len(shown)
    more = f"<p>{n_more} more combinations are in {escape(files.patterns.name)}.</p>" if n_more > 0 else ""
    return (
        f"<h3>{HEADINGS[source]}</h3><p>Each particle has {subunits.n_subunits} subunits: {escape(fractions)}. "
        f"{escape(subunits.in_words())}</p>{_table(shown) if shown else ''}{more}<p>{escape(CAUTION)}</p>"
        f"<p>{escape(str(files.table))} has the states of every particle.</p>"
    )


def _fractions(subunits: Subunits) -> list[float]:
    counts = subunits.counts[subunits.is_complete].sum(axis=0)
    return (counts / max(1, counts.sum())).tolist()


def _table(patterns: list[Pattern]) -> str:
    header = [
        "subunits in states",
        "particles",
        "expected if independent",
        "difference (standard deviations)",
    ]
    rows = [
        [
            pattern_in_words(one.counts),
            f"{one.observed:,}",
            f"{one.expected:,.1f} ± {one.error:,.1f}",
            f"{one.z_score:+.1f}",
        ]
        for one in patterns
    ]
    return table(header, rows)


def pattern_in_words(counts: tuple[int, ...]) -> str:
    """3 in state 1, 1 in state 2."""
    return ", ".join(f"{number} in state {state}" for state, number in enumerate(counts, 1) if number)
