"""The chapter of report.html on what to know before believing it: warnings, and every check that was done."""

from html import escape
from typing import Any

from gem_plugin.landscape.checks.latents import training_checks
from gem_plugin.reports.plain_numbers import short_number
from gem_plugin.reports.sections.html_parts import command_line, gem_command, table
from gem_plugin.reports.sections.run_warnings import RunWarning
from gem_plugin.results.run import Run


def checks_section(run: Run, warnings: list[RunWarning]) -> str:
    """Warnings with their meaning and what to do, then all checks."""
    items = "".join(
        f"<li><b>{escape(warning.title)}.</b> {escape(warning.meaning)} <i>{escape(warning.advice)}</i></li>"
        for warning in warnings
    )
    found = (
        f'<ul class="warnings">{items}</ul>'
        if warnings
        else '<p class="good">None of the checks that were done found anything to warn of.</p>'
    )
    diagnosed = run.diagnostics()
    return found + _checks_done(run, diagnosed) + _more_checks(run, diagnosed)


def _checks_done(run: Run, diagnosed: list[dict[str, Any]]) -> str:
    rows = diagnosed
    if not rows:
        checks = training_checks(run.history, run.summary("train"))
        rows = [check.as_plain() for check in checks]
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
    header = ("verdict", "bad would be", "what was found", "value", "limit")
    return (
        f"<details><summary>The {len(rows)} checks that were done</summary>{table(header, cells)}</details>"
    )


def _more_checks(run: Run, diagnosed: list[dict[str, Any]]) -> str:
    if diagnosed or not run.particle_columns():
        return ""
    return (
        "<p>Not checked yet: whether the latents follow the pose, the defocus or the place in the image rather than the "
        f"molecule, the half-sets, and whether states are stable. Check it with:</p>{command_line(gem_command('diagnose', run.files.root))}"
    )
