"""What the log of an external job says in words: the settings used, a table of the states, all warnings once more at the end."""

from collections.abc import Sequence
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_run_settings
from gem_plugin.pipeline.settings_of_steps import fields_of_steps
from gem_plugin.results.checks import RunChecks
from gem_plugin.results.populations import StatePopulations
from gem_plugin.results.state_sources import SKETCH
from gem_plugin.results.states import States

FILES_OF_THE_JOB = ("particles", "map", "mask", "project_folder", "out", "datadir")  # the inputs show them


def settings_text(step: str, run: RunFiles, given: dict[str, Any]) -> str:
    """The settings that a finished step had, those that were given first; empty where none were recorded."""
    recorded = read_run_settings(run).get(step, {})
    own = set(fields_of_steps([step]))
    shown = {name: value for name, value in recorded.items() if name not in FILES_OF_THE_JOB}
    asked = [_line(name, shown.pop(name)) for name in list(shown) if name in given and name in own]
    others = [_line(name, value) for name, value in shown.items()]
    if not asked and not others:
        return ""
    parts = [f"Settings of {step}", f"given: {', '.join(asked) or 'none'}"]
    return "\n".join([*parts, f"as usual: {', '.join(others)}"] if others else parts)


def _line(name: str, value: Any) -> str:
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if isinstance(value, list):
        value = " ".join(map(str, value))
    return f"{name.replace('_', '-')} {value}"


def states_text(run: RunFiles, source: str = SKETCH) -> str:
    """The states as a table: particles, fraction with its 90 % interval where it was measured, verdict of the checks."""
    states, checks = States.load(run.landscape, source), RunChecks.load(run)
    populations = _populations(run, source)
    total = max(sum(states.counts.values()), 1)
    rows = [("state", "particles", "fraction", "verdict")]
    for number, count in states.counts.items():
        fraction = f"{count / total:.1%}"
        if populations is not None and number in populations.numbers:
            low, high = populations.lower[number - 1], populations.upper[number - 1]
            fraction = f"{populations.fractions[number - 1]:.1%} ({low:.1%} to {high:.1%})"
        rows.append((str(number), str(count), fraction, checks.badge(number, source)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[3]]) for row in rows]
    n_without = int((states.labels == 0).sum())
    if n_without:
        lines.append(f"{n_without} particles are in no state.")
    if populations is not None:
        lines.append("Fractions: maximum likelihood, with 90 % intervals.")
    return "\n".join(["States", *lines])


def _populations(run: RunFiles, source: str) -> StatePopulations | None:
    try:
        return StatePopulations.load(run.landscape, source)
    except InputError:
        return None


def warnings_text(warnings: Sequence[str]) -> str:
    """All warnings of a job in full; empty where there were none."""
    if not warnings:
        return ""
    lines = [f"{number}. {warning}" for number, warning in enumerate(warnings, 1)]
    return "\n".join([f"Warnings of this job: {len(warnings)}", *lines])
