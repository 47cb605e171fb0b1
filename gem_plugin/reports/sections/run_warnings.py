"""Warnings of a run, each with its meaning and what to do."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gem_plugin.landscape.checks.junk_score import SUSPICIOUS
from gem_plugin.notices import NOTE, WARNING
from gem_plugin.reports.verdicts import all_checks
from gem_plugin.results.particle_columns import ParticleColumn
from gem_plugin.results.run import Run

SMALL_STATE_FRACTION = 0.01
MINIMUM_PARTICLES_OF_A_STATE = 500  # fewer rarely refine beyond about 15 Angstrom
LARGE_STATE_FRACTION = 0.5
TITLES_OF_RECORDED = {WARNING: "Warning of ", NOTE: "Note of "}
OF_ONE_STATE = re.compile(r"State (\d+) (is .*|may be .*)")


@dataclass(frozen=True)
class RunWarning:
    """One thing to know."""

    title: str
    meaning: str
    advice: str
    is_recorded: bool = False  # said by a step while it ran; else found in the results

    @property
    def sentence(self) -> str:
        """All of it in one line; of a recorded warning, as it was said."""
        return self.meaning if self.is_recorded else f"{self.title}. {self.meaning} {self.advice}".rstrip()


def find_warnings(run: Run) -> list[RunWarning]:
    """All warnings that this run gives reason for."""
    return recorded_notices(run, WARNING) + together(
        [
            *_other_particles_warnings(run),
            *_one_cloud_warnings(run.summary("landscape")),
            *_state_warnings(run.particle_columns()),
            *_junk_warnings(run.state_table),
            *_warnings_of_diagnostics(all_checks(run)),
        ]
    )


def recorded_notices(run: Run, level: str) -> list[RunWarning]:
    """What the steps said while they ran, each sentence once."""
    steps_of: dict[str, list[str]] = {}
    for step, notices in run.notices.items():
        for notice in notices:
            if notice.level == level:
                steps_of.setdefault(notice.sentence, []).append(step)
    return [
        RunWarning(TITLES_OF_RECORDED[level] + " and ".join(steps), sentence, "", is_recorded=True)
        for sentence, steps in steps_of.items()
    ]


def together(warnings: Sequence[RunWarning]) -> list[RunWarning]:
    """Warnings that say the same of several states, as one."""
    alike: dict[tuple[str, str], list[tuple[str, RunWarning]]] = {}
    for warning in warnings:
        found = OF_ONE_STATE.fullmatch(warning.title)
        number, rest = (found[1], found[2]) if found else ("", warning.title)
        alike.setdefault((rest, warning.advice), []).append((number, warning))
    joined = []
    for (rest, advice), members in alike.items():
        numbers = ", ".join(number for number, _ in members)
        title = (
            f"States {numbers} {rest.replace('is ', 'are ', 1)}" if len(members) > 1 else members[0][1].title
        )
        meanings = dict.fromkeys(warning.meaning for _, warning in members)
        joined.append(RunWarning(title, " ".join(meanings), advice))
    return joined


def _other_particles_warnings(run: Run) -> list[RunWarning]:
    names = run.columns_of_other_particles
    if not names:
        return []
    return [
        RunWarning(
            "Some results are of other particles",
            f"{', '.join(names)} have a different number of rows from the particles of this run and are not shown.",
            "Run the steps that made them again, such as gem-em landscape.",
        )
    ]


def _one_cloud_warnings(landscape: Mapping[str, Any]) -> list[RunWarning]:
    if not landscape.get("one_cloud") or landscape.get("states") == 1:
        return []
    return [
        RunWarning(
            "States cut one cloud",
            "The maps form a single cloud without groups: the data do not say where the borders of the states are.",
            "Read the landscape as a continuous motion, or as noise; the trajectories show it better than the states.",
        )
    ]


def _state_warnings(columns: list[ParticleColumn]) -> list[RunWarning]:
    states = next((column.values.astype(int) for column in columns if column.name == "state"), None)
    if states is None:
        return []
    counts = np.bincount(states)[1:]
    n_particles, found = max(1, int(counts.sum())), []  # excluded particles and outliers are in no state
    small = [
        str(number)
        for number, count in enumerate(counts, start=1)
        if count < max(SMALL_STATE_FRACTION * n_particles, MINIMUM_PARTICLES_OF_A_STATE)
    ]
    if small:
        found.append(
            RunWarning(
                f"Small states: {', '.join(small)}",
                f"They hold fewer than {MINIMUM_PARTICLES_OF_A_STATE} particles or one percent of all; "
                "such a map may be an interpolation by the decoder rather than a measured structure.",
                "Reconstruct them from their particles before interpreting them, or request fewer states (-M).",
            )
        )
    if counts.max() > LARGE_STATE_FRACTION * n_particles:
        found.append(
            RunWarning(
                f"State {int(counts.argmax()) + 1} holds {counts.max() / n_particles:.0%} of the particles",
                "One state with most of the particles explains little of the motion.",
                "Run gem-em landscape again with --linkage ward, or another -M.",
            )
        )
    return found


def _junk_warnings(state_table: Sequence[Mapping[str, str]]) -> list[RunWarning]:
    scores = {row["state"]: float(row["junk_score"]) for row in state_table if row.get("junk_score")}
    return [
        RunWarning(
            f"State {state} may be junk",
            f"It has less density, is further from the others, or has less certain latents than usual (score {score:.1f}).",
            "Look at its map, and at a reconstruction from its particles.",
        )
        for state, score in scores.items()
        if score > SUSPICIOUS
    ]


def _warnings_of_diagnostics(rows: list[dict[str, Any]]) -> list[RunWarning]:
    return [
        RunWarning(
            str(row.get("name", "check")).capitalize(),
            str(row.get("sentence", "")),
            str(row.get("advice", "")),
        )
        for row in rows
        if row.get("is_bad")
    ]
