"""The chapter of report.html on warnings and checks: which were run, what they found, and which have not been run."""

from html import escape
from typing import Any

from gem_plugin.landscape.checks.known_checks import checks_run, done_in_words, no_problems_in_words
from gem_plugin.landscape.checks.state_verdicts import NOT_TESTED
from gem_plugin.notices import NOTE
from gem_plugin.reports.plain_numbers import short_number
from gem_plugin.reports.sections.html_parts import command_line, gem_command, table
from gem_plugin.reports.sections.run_warnings import RunWarning, recorded_notices
from gem_plugin.reports.verdicts import all_checks
from gem_plugin.results.run import Run


def checks_section(run: Run, warnings: list[RunWarning]) -> str:
    """Warnings with their meaning and what to do, then all checks, and those that have not been run."""
    items, notes = (_items(some) for some in (warnings, recorded_notices(run, NOTE)))
    rows = all_checks(run)
    found = (
        f'<ul class="warnings">{items}</ul>'
        if warnings
        else f'<p class="{_colour(run, rows)}">{_nothing(rows)}</p>'
    )
    found += f"<p>{escape(done_in_words(rows))}.</p>" if warnings else ""
    found += f'<ul class="notes">{notes}</ul>' if notes else ""
    return found + _checks_run(rows) + _checks_not_run(run, rows)


def _nothing(rows: list[dict[str, Any]]) -> str:
    return escape(f"{no_problems_in_words(rows)}.")


def _colour(run: Run, rows: list[dict[str, Any]]) -> str:
    """Green only where every state was compared with its particles: finding nothing without looking is no good news."""
    verdicts = [run.checks.verdict(number).kind for number in run.state_maps]
    return "good" if checks_run(rows)[0] and verdicts and NOT_TESTED not in verdicts else "open"


def _items(warnings: list[RunWarning]) -> str:
    return "".join(
        f"<li><b>{escape(warning.title)}.</b> {escape(warning.meaning)} <i>{escape(warning.advice)}</i></li>"
        for warning in warnings
    )


def _checks_run(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    cells = [
        (
            row.get("verdict", ""),
            row.get("name", ""),
            row.get("sentence", ""),
            "" if row.get("value") is None else short_number(row["value"]),
            short_number(row.get("threshold", "")),
        )
        for row in rows
    ]
    header = ("verdict", "problem", "what was found", "value", "threshold")
    title = f"Results of the checks that were run: {len(checks_run(rows)[0])}"
    return f"<details><summary>{title}</summary>{table(header, cells)}</details>"


def _checks_not_run(run: Run, rows: list[dict[str, Any]]) -> str:
    not_run = checks_run(rows)[1]
    if not not_run or not run.particle_columns():
        return ""
    cells = [(check.title, f"gem-em {check.made_by}") for check in not_run]
    command = command_line(gem_command("diagnose", run.files.root))
    return (
        f"<details><summary>Checks that have not been run: {len(not_run)}</summary>{table(('check', 'run by'), cells)}</details>"
        + ("" if run.files.diagnostics.is_file() else f"<p>Run more checks with:</p>{command}")
    )
