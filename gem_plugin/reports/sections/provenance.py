"""The section of report.html on provenance: what manifest.json recorded of each step."""

from html import escape
from typing import Any

from gem_plugin.io.run.manifest import read_manifest
from gem_plugin.reports.sections.html_parts import command_line, gem_command, table
from gem_plugin.results.run import Run

DIGITS_OF_HASH = 16
LENGTH_OF_TIME = 16


def provenance_section(run: Run) -> str:
    """Command, machine and inputs of each step, and how to repeat the run."""
    manifest = read_manifest(run.files)
    if not manifest:
        return "<p>No step is recorded in this folder.</p>"
    rows = [
        (
            step,
            entry.get("settings", ""),
            _time(entry.get("started")),
            _time(entry.get("finished")) or ("this report" if step == "report" else "not finished"),
            " ".join(map(str, entry.get("command", []))),
            f"{entry.get('host', '')}, {', '.join(map(str, entry.get('device', [])))}",
        )
        for step, entry in manifest.items()
    ]
    header = ("step", "settings", "started", "finished", "command", "machine")
    again = gem_command("rerun", run.files.root, "--out", f"{run.files.root.absolute()}_again")
    return (
        "<p>The number in the second column identifies the settings of a step; star files and maps of this run carry it.</p>"
        + table(header, rows, "provenance")
        + "".join(_inputs(step, entry) for step, entry in manifest.items() if entry.get("inputs"))
        + f"<p>Repeat the run:</p>{command_line(again)}"
    )


def _time(text: str | None) -> str:
    """2026-11-25T11:18:13Z as 2026-11-25 11:18 UTC."""
    return text.replace("T", " ")[:LENGTH_OF_TIME] + " UTC" if text else ""


def _inputs(step: str, entry: dict[str, Any]) -> str:
    rows = [
        (
            name,
            one.get("path", ""),
            one.get("size", ""),
            one.get("time", ""),
            (one.get("sha256") or "")[:DIGITS_OF_HASH],
        )
        for name, one in entry["inputs"].items()
    ]
    header = ("input", "file", "bytes", "changed", "SHA-256")
    return f"<details><summary>inputs of {escape(step)}</summary>{table(header, rows)}</details>"
