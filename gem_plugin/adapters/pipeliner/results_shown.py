"""What a finished job has to show, as plain values from its files; nothing of the pipeliner, and no torch.

Each part is empty where the job has no such result. Every number is a Python number: the pipeliner's files take no others.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.notices import read_notices
from gem_plugin.io.run.reconstruct_files import CONTROL_NAME
from gem_plugin.io.run.settings import read_summary
from gem_plugin.results.csv_tables import read_text_rows

BAD, NOT_MEASURED = "bad", "not measured"  # verdicts in checks.csv
FIGURES = (names.FIRST_PAGE, names.VOLUME_COMPONENTS.format(1, 2), names.UMAP, names.FSC_OF_STATES)
MAXIMUM_MAPS = 12  # in one viewer
POPULATION_COLUMNS = ("fraction", "lower", "upper")
CURVES = {"loss": "training particles", "validation_loss": "held-out particles"}  # of train/history.csv


@dataclass(frozen=True)
class ShownTable:
    """Headers, and rows of text."""

    headers: list[str]
    rows: list[list[str]]
    files: list[str]


@dataclass(frozen=True)
class ShownCurve:
    """A curve without gaps."""

    label: str
    x: list[float]
    y: list[float]


def verdict_in_words(run: RunFiles) -> str:
    """What the checks found, worst first; then what the steps warned about. Empty before there are checks or warnings."""
    checks = read_text_rows(run.checks)
    bad = [f"- {row['sentence']} {row['advice']}".strip() for row in checks if row["verdict"] == BAD]
    n_run = sum(row["verdict"] != NOT_MEASURED for row in checks)
    lines = [f"{len(bad)} of {n_run} checks found a problem{':' if bad else '.'}", *bad] if checks else []
    warned = [f"- {one.sentence}" for of_step in read_notices(run).values() for one in of_step]
    if warned:
        lines += ["Warnings of the steps:", *warned]
    return "\n".join(lines)


def states_table(run: RunFiles) -> ShownTable | None:
    """Particles, population with its 90 % interval, and verdict of each state of landscape; None before there are states."""
    states = read_text_rows(run.landscape.state_table)
    if not states:
        return None
    populations = {row["state"]: row for row in read_text_rows(run.landscape.populations)}
    rows = [
        [
            row["state"],
            row.get("particles", ""),
            _population(populations.get(row["state"], {})),
            row.get("verdict", ""),
        ]
        for row in states
    ]
    files = [str(path) for path in (run.landscape.state_table, run.landscape.populations) if path.is_file()]
    return ShownTable(["State", "Particles", "Population (90 % interval)", "Verdict"], rows, files)


def resolution_tables(run: RunFiles) -> Iterator[ShownTable]:
    """maps.csv and deformed.csv of reconstruct, as far as they are there."""
    for path in (run.reconstruct.table, run.reconstruct.deformed_table):
        if rows := read_text_rows(path):
            headers = [name.replace("_", " ") for name in rows[0]]
            yield ShownTable(headers, [[value or "" for value in row.values()] for row in rows], [str(path)])


def pictures(run: RunFiles) -> Iterator[Path]:
    """The figures that tell the story, in its order: first page, landscape, half-maps."""
    for name in FIGURES:
        path = run.figures / f"{name}.png"
        if path.is_file():
            yield path


def maps_of_states(run: RunFiles) -> dict[str, str]:
    """{file: title}: reconstructed maps where this job made them, else the mean maps of the states."""
    made = [name for name in run.reconstruct.names_with_half_maps() if name != CONTROL_NAME]
    if made:
        return {str(run.reconstruct.final_map(name)): name.replace("_", " ") for name in made[:MAXIMUM_MAPS]}
    states = run.landscape.states
    numbers = [number for number in states.numbers_with_maps() if not states.mean(number).is_symlink()]
    return {str(states.mean(number)): f"state {number}" for number in numbers[:MAXIMUM_MAPS]}


def loss_curves(run: RunFiles) -> list[ShownCurve]:
    """Loss against the epoch, on training and on held-out particles; what is not a number is left out."""
    rows = read_text_rows(run.history) if not run.history.is_symlink() else []
    curves = []
    for column, label in CURVES.items():
        points = [(float(row["epoch"]), float(row[column])) for row in rows if row.get(column)]
        points = [point for point in points if math.isfinite(point[1])]
        if points:
            curves.append(ShownCurve(label, [x for x, _ in points], [y for _, y in points]))
    return curves


def summary_numbers(run: RunFiles) -> dict[str, Any]:
    """summary.json with None in place of what JSON cannot hold."""
    return {
        step: {name: _plain(value) for name, value in numbers.items()}
        for step, numbers in read_summary(run).items()
    }


def _population(row: dict[str, str]) -> str:
    """7.0 % (3.0 to 26.0)"""
    if not all(row.get(name) for name in POPULATION_COLUMNS):
        return ""
    fraction, lower, upper = (100 * float(row[name]) for name in POPULATION_COLUMNS)
    return f"{fraction:.1f} % ({lower:.1f} to {upper:.1f})"


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
