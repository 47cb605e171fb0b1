"""The last chapter of report.html: the numbers of every step and every setting, folded away."""

from collections.abc import Mapping
from html import escape
from typing import Any

from gem_plugin.reports.plain_numbers import short_number
from gem_plugin.reports.sections.html_parts import table
from gem_plugin.results.run import Run

UNITS = {"_in_angstroms": " (Å)", "_in_kt": " (kT)", "_in_nats": " (nats)", "_in_megabytes": " (MB)"}


def numbers_section(run: Run) -> str:
    """What each finished step counted and measured, and its settings."""
    if not run.all_summaries and not run.all_settings:
        return "<p>No step has finished yet.</p>"
    parts = ["<h3>Numbers of each step</h3>"]
    parts += [_folded(step, values, ("number", "value")) for step, values in run.all_summaries.items()]
    parts.append("<h3>Settings of each step</h3>")
    parts += [_folded(step, values, ("setting", "value")) for step, values in run.all_settings.items()]
    return "".join(parts)


def _folded(step: str, values: Mapping[str, Any], header: tuple[str, str]) -> str:
    rows = [(_title(name), _shown(value)) for name, value in values.items()]
    return f"<details><summary>{escape(step)}</summary>{table(header, rows)}</details>"


def _title(name: str) -> str:
    for ending, unit in UNITS.items():
        name = name.replace(ending, unit)
    return name.replace("_", " ")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return short_number(value) if isinstance(value, int | float) else str(value)
