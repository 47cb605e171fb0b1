"""The chapter of report.html on compared samples: what differs, how sure that is, and the maps of the states that differ."""

from html import escape

from gem_plugin.reports.figures.order import SAMPLES
from gem_plugin.reports.plain_numbers import percent
from gem_plugin.reports.sections.figures import figures_of
from gem_plugin.reports.sections.html_parts import table
from gem_plugin.reports.sections.map_pictures import VIEWS, picture_html, pictures_of_maps
from gem_plugin.results.run import Run
from gem_plugin.results.sample_comparison import ComparedSamples, Difference, p_in_words

MAXIMUM_STATES_SHOWN = 12
MAXIMUM_PAIRS_IN_FULL = 6


def compared_if_there(run: Run) -> ComparedSamples | None:
    """None where no samples were compared."""
    files = run.files.landscape
    return ComparedSamples.load(files) if files.sample_comparison.is_file() else None


def samples_section(run: Run) -> str:
    """The verdict of each pair first; then figures, maps of the states that differ, and all numbers."""
    compared = compared_if_there(run)
    if compared is None:
        return ""
    verdicts = [compared.verdict(pair) for pair in range(len(compared.pairs))]
    sizes = "; ".join(
        f"{name}: {particles:,} particles of {groups:,} {compared.drawn_by}"
        if compared.drawn_by != "particles"
        else f"{name}: {particles:,} particles"
        for name, particles, groups in zip(
            compared.names, compared.n_particles.tolist(), compared.n_groups.tolist(), strict=True
        )
    )
    return (
        "".join(f"<p><strong>{escape(verdict)}</strong></p>" for verdict in verdicts[:MAXIMUM_PAIRS_IN_FULL])
        + "".join(f"<p>{escape(verdict)}</p>" for verdict in verdicts[MAXIMUM_PAIRS_IN_FULL:])
        + f"<p>Samples by {escape(compared.compared_by)}. {escape(sizes)}. {escape(compared.sentence)}</p>"
        + figures_of(run, SAMPLES)
        + _maps_that_differ(run, compared)
        + "".join(_table_of_pair(compared, pair) for pair in range(len(compared.pairs)))
        + f"<p>The same numbers: {escape(run.files.landscape.sample_comparison.name)} and "
        f"{escape(run.files.landscape.sample_populations.name)}.</p>"
    )


def _maps_that_differ(run: Run, compared: ComparedSamples) -> str:
    """Projections of the mean maps of the states that differ, on one grey scale."""
    shown = [number for number in compared.states_that_differ if number in run.state_maps]
    shown = shown[:MAXIMUM_STATES_SHOWN]
    if not shown:
        return ""
    pictures = pictures_of_maps([run.state_maps[number] for number in shown], with_slices=False)
    window = pictures.window
    cards = []
    for number, views in zip(shown, pictures.projections, strict=True):
        cells = "".join(
            f"<td>{picture_html(view[window, window], _highest(pictures.projections, axis), f'state {number}, projection {name}')}</td>"
            for axis, (view, name) in enumerate(zip(views, VIEWS, strict=True))
        )
        fractions = ", ".join(
            f"{escape(name)} {percent(compared.fractions[sample, number - 1])}"
            for sample, name in enumerate(compared.names)
        )
        cards.append(
            f'<div class="card"><h3>State {number}</h3><p>{fractions}</p><table><tr>{cells}</tr></table></div>'
        )
    return f'<h3>States that differ</h3><p>Projections of their mean maps.</p><div class="cards">{"".join(cards)}</div>'


def _highest(projections: list, axis: int) -> float:
    return max(float(views[axis].max()) for views in projections)


def _table_of_pair(compared: ComparedSamples, pair: int) -> str:
    first, second = compared.pairs[pair]
    header = [
        "state",
        f"{first} (90 % interval)",
        f"{second} (90 % interval)",
        "difference, percentage points (90 % interval)",
        "corrected p-value",
        "verdict",
    ]
    of_samples = compared.names.index(first), compared.names.index(second)
    rows = [
        [
            one.state,
            *(_fraction(compared, sample, one.state - 1) for sample in of_samples),
            f"{100 * one.difference:+.1f} ({100 * one.lower:+.1f} to {100 * one.upper:+.1f})",
            p_in_words(one.p_value),
            _verdict(one),
        ]
        for one in compared.differences_of(pair)
    ]
    return f"<h3>{escape(first)} and {escape(second)}</h3>" + table(header, rows)


def _fraction(compared: ComparedSamples, sample: int, index: int) -> str:
    limits = f"{percent(compared.lower[sample, index])} to {percent(compared.upper[sample, index])}"
    return f"{percent(compared.fractions[sample, index])} ({limits})"


def _verdict(one: Difference) -> str:
    return "differs" if one.is_significant else "no difference found"
