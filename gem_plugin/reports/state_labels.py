"""What stands beside a state in a 3D viewer: its number, its population with the interval, and its badge."""

from gem_plugin.reports.plain_numbers import percent
from gem_plugin.reports.sections.populations import fraction_in_words, populations_if_there
from gem_plugin.results.run import Run


def labels_of_states(run: Run) -> dict[int, str]:
    """State 1: 40.3 % (37.1 % to 43.4 %), supported (12 sigma). ASCII; a fraction without interval is counted."""
    counts, populations = run.state_counts, populations_if_there(run)
    total = max(1, sum(counts.values()))
    labels = {}
    for number, count in counts.items():
        is_estimated = populations is not None and number in populations.numbers
        size = fraction_in_words(populations, number) if is_estimated else f"{percent(count / total)} counted"  # type: ignore[arg-type]
        labels[number] = f"State {number}: {size}, {run.checks.badge(number)}"
    return labels
