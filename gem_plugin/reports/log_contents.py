"""What logfile.pdf says of a run, without drawing it."""

import textwrap
from typing import Any

from gem_plugin.landscape.checks.known_checks import done_in_words
from gem_plugin.reports.figures.captions import caption_of, title_of
from gem_plugin.reports.figures.order import figures_by_importance
from gem_plugin.reports.first_page.contents import FirstPage
from gem_plugin.reports.first_page.section import texts_of
from gem_plugin.reports.first_page.words import first_page_words
from gem_plugin.reports.logged import LogContents
from gem_plugin.reports.sections.history import history_rows
from gem_plugin.reports.verdicts import all_checks, verdicts_of_figure
from gem_plugin.results.run import Run

LETTERS_IN_A_LINE_OF_NUMBERS = 108  # 7.5 points, all of one width


def log_contents(page: FirstPage) -> LogContents:
    """What the run says now. The report's own row is left out: it would be all that differs from day to day."""
    run = page.run
    words = first_page_words(run)
    captions = [
        (path, title_of(path.stem), f"{caption_of(path.stem)} {verdicts_of_figure(run, path.stem)}".strip())
        for path in figures_by_importance(run.files)
    ]
    rows = [
        f"{step:<15}{begun:<23}{took:<14}{result}"
        for step, begun, took, result in history_rows(run)
        if step != "report"
    ]
    summaries = {step: numbers for step, numbers in run.all_summaries.items() if step != "report"}
    return LogContents(
        name=run.files.root.resolve().name,
        first_page=page.shown,
        caption=page.caption,
        texts=texts_of(words),
        command=words.next_step.command,
        rows=rows,
        figures=captions,
        lines=[*check_lines(run), "", *_summary_lines(summaries)],
    )


def check_lines(run: Run) -> list[str]:
    """The verdict on every state, how many checks were run of how many, and what each found."""
    rows = all_checks(run)
    lines = [*run.checks.lines_of_states(list(run.state_maps)), ""]
    lines += [*textwrap.wrap(f"{done_in_words(rows)}.", LETTERS_IN_A_LINE_OF_NUMBERS), ""]
    for row in rows:
        problem = f"{row.get('name', '')}. " if row.get("is_bad") else ""  # a good verdict has none
        text = f"{row.get('verdict', '')}: {problem}{row.get('sentence', '')}"
        lines += textwrap.wrap(text, LETTERS_IN_A_LINE_OF_NUMBERS, subsequent_indent="    ")
    return lines


def _summary_lines(summary: dict[str, dict[str, Any]]) -> list[str]:
    """The numbers of each step, as many on a line as it holds."""
    lines: list[str] = []
    for step, numbers in summary.items():
        texts = "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in numbers.items())
        wrapped = textwrap.wrap(
            texts, LETTERS_IN_A_LINE_OF_NUMBERS, initial_indent="    ", subsequent_indent="    "
        )
        lines += [step, *wrapped, ""]
    return lines
