"""How many states there are, how sure that is, and what other numbers would mean, in sentences for any page or log."""

import math

from gem_plugin.landscape.basins import MINIMUM_BARRIER_IN_KT
from gem_plugin.landscape.states import StateChoice
from gem_plugin.reports.plain_numbers import percent, whole_percent
from gem_plugin.results.continuum import load_continua
from gem_plugin.results.run import Run
from gem_plugin.results.state_choices import OtherNumbers, load_other_numbers

NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")
MINIMUM_STABILITY = 0.7  # adjusted Rand index
SURE_BARRIER_IN_KT = 5.0  # more is not counted


def states_in_words(run: Run) -> str:
    """The number, its stability, sizes, other numbers and continua; "none yet" before landscape. Plain text."""
    continua = load_continua(run.files.landscape) if any(run.state_counts.values()) else ()
    return " ".join([number_in_words(run), *(one.sentence for one in continua)])


def number_in_words(run: Run) -> str:
    """The same without the continua."""
    counts = run.state_counts
    total = sum(counts.values())
    if not total:
        return "none yet"
    others = load_other_numbers(run.files.landscape)
    parts = [_number(run, counts, total, others), _others_in_words(len(counts), others)]
    return " ".join(filter(None, parts))


def _number(run: Run, counts: dict[int, int], total: int, others: OtherNumbers | None) -> str:
    number = len(counts)
    if number == 1:
        return "One state: the maps form one cloud, and nowhere between them are particles rare."
    smallest, largest = min(counts.values()), max(counts.values())
    sizes = (
        f"of {smallest:,} to {largest:,} particles ({percent(smallest / total)} to {percent(largest / total)})"
        if smallest != largest
        else f"of {smallest:,} particles"
    )
    choice = None if others is None else others.choices.get(number)
    again = (
        f": clustering four fifths of the maps finds them again to {whole_percent(choice.stability)}"
        if choice is not None
        else ""
    )
    text = f"{_in_words(number)} states, {sizes}{again}{_barrier_in_words(choice)}."
    if run.summary("landscape").get("one_cloud"):
        text += " The maps form one cloud: these states are arbitrary cuts through it."
    return text


def _barrier_in_words(choice: StateChoice | None) -> str:
    if choice is None or math.isnan(choice.barrier_in_kt) or choice.barrier_in_kt < MINIMUM_BARRIER_IN_KT:
        return ""
    if choice.barrier_in_kt > SURE_BARRIER_IN_KT:
        return ", and hardly any particles lie between them"
    return f", and at least {choice.barrier_in_kt:.1f} kT of free energy lie between any two"


def _others_in_words(number: int, others: OtherNumbers | None) -> str:
    if others is None:
        return ""
    parts = []
    if others.joined is not None and number > 2:
        parts.append(f"{_in_words(number - 1)} would join {others.joined[0]} and {others.joined[1]}")
    if others.divided is not None:
        parts.append(
            f"{_in_words(number + 1)} would divide state {others.divided}{_border(others.choices.get(number + 1))}"
        )
    return (
        f"{'; '.join([*parts[:1], *(f'{one[0].lower()}{one[1:]}' for one in parts[1:])])}." if parts else ""
    )


def _border(choice: StateChoice | None) -> str:
    """Whether the border of one state more is more than a cut at will."""
    if choice is None:
        return ""
    is_low = choice.barrier_in_kt < MINIMUM_BARRIER_IN_KT
    numbers = f"stability {choice.stability:.2f}"
    if not math.isnan(choice.barrier_in_kt):
        numbers += f", barrier {min(choice.barrier_in_kt, SURE_BARRIER_IN_KT):.1f} kT"
    if is_low or choice.stability < MINIMUM_STABILITY:
        return f", but that border is arbitrary ({numbers})"
    return f" ({numbers})"


def _in_words(number: int) -> str:
    return NUMBERS[number] if number < len(NUMBERS) else str(number)
