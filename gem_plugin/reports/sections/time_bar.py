"""The bar of report.html that says where the time of the run went."""

from html import escape

from gem_plugin.reports.figures.palette import OKABE_ITO
from gem_plugin.results.run import Run
from gem_plugin.results.time_spent import TimePart, larger_parts, parts_of_run, time_in_words

N_COLOURS = 7  # without black, in which nothing can be told apart


def time_bar(run: Run) -> str:
    """One bar of all steps, training in its phases, and what each colour means; empty where no time was measured."""
    shown = larger_parts(parts_of_run(run.files))
    total = sum(part.seconds for part in shown)
    if total <= 0:
        return ""
    colours = [_fill(number) for number in range(len(shown))]
    pieces = "".join(_piece(part, total, colour) for part, colour in zip(shown, colours, strict=True))
    keys = "".join(
        f'<li><i style="background:{colour}"></i>{escape(part.name)}: {time_in_words(part.seconds)} ({part.seconds / total:.0%})</li>'
        for part, colour in zip(shown, colours, strict=True)
    )
    return (
        f"<h3>Where the time went: {time_in_words(total)} until this report</h3>"
        f'<div class="times" role="img" aria-label="parts of the time of the run">{pieces}</div><ul class="times-key">{keys}</ul>'
    )


def _fill(number: int) -> str:
    """A colour of its own for each part; striped when they repeat."""
    colour = OKABE_ITO[number % N_COLOURS]
    return (
        colour if number < N_COLOURS else f"repeating-linear-gradient(45deg,{colour} 0 5px,#ffffff 5px 7px)"
    )


def _piece(part: TimePart, total: float, colour: str) -> str:
    title = f"{part.name}: {time_in_words(part.seconds)}"
    return f'<span title="{escape(title)}" style="background:{colour};width:{100 * part.seconds / total:.2f}%"></span>'
