"""checks.csv: every check of a run, one row for each thing that was checked; defined, saved and loaded in one place.

A row belongs to the latents, or to the states, that it was made for; of others it says nothing and is not read. Quick checks are
done by the run itself, long ones by diagnose and reconstruct: a long one takes the row of the quick one.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.checks.diagnostic import BAD, GOOD, NOT_MEASURED, Diagnostic
from gem_plugin.landscape.checks.known_checks import check_and_subject, name_of
from gem_plugin.landscape.checks.state_verdicts import NOT_TESTED, StateVerdict, verdict_of_state
from gem_plugin.results.csv_tables import read_text_rows
from gem_plugin.results.same_states import MINIMUM_IN_COMMON, full_states_in_common
from gem_plugin.results.state_sources import COLUMN_OF_SOURCE, FULL, LEIDEN, SKETCH
from gem_plugin.results.verdict_column import write_verdict_column

QUICK, LONG = "quick", "long"
COLUMNS = ("check", "subject", "number", "threshold", "verdict", "sentence", "advice", "depth", "made_for")
VERDICTS = (GOOD, BAD, NOT_MEASURED)
ABOUT_STATES = (
    "may be noise",
    "decoded map is not what its particles show",
    "has too few particles",
    "is unstable",
)
ABOUT_STATES_TOGETHER = ("half-maps share noise", "cuts through motion")

RULE_OF_FULL_STATES = (
    f"A state of landscape-full has the verdict of the landscape's state of its number where at least {MINIMUM_IN_COMMON:.0%} "
    "of the particles of either are in both."
)
NOT_OF_THE_RUN = {  # of states that no check looks at
    source: StateVerdict(
        NOT_TESTED,
        f"{whose}: checks are of the states of landscape. gem-em reconstruct RUN --particle-states {path} makes half-maps of these.",
    )
    for source, whose, path in (
        (FULL, "A state of landscape-full", "RUN/landscape/full/particle_states.npy"),
        (LEIDEN, "A Leiden community", "RUN/landscape/full/leiden_states.npy"),
    )
}


@dataclass(frozen=True)
class CheckRow:
    """One row of checks.csv."""

    check: str  # may be noise
    subject: str  # state 3
    number: float | None  # None: not measured
    threshold: float
    verdict: str  # one of VERDICTS
    sentence: str
    advice: str
    depth: str  # QUICK or LONG
    made_for: str  # fingerprint of the latents, or of the states, that were checked

    @property
    def name(self) -> str:
        """state 3 may be noise"""
        return name_of(self.check, self.subject)

    @property
    def is_bad(self) -> bool:
        return self.verdict == BAD

    def as_plain(self) -> dict[str, Any]:
        """As a row of diagnostics.json."""
        return {
            "name": self.name,
            "value": self.number,
            "threshold": self.threshold,
            "is_bad": self.is_bad,
            "sentence": self.sentence,
            "advice": self.advice,
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class RunChecks:
    """All rows that are true of the run as it is."""

    rows: tuple[CheckRow, ...] = ()
    in_common: Mapping[int, float] = field(default_factory=dict)  # particles of full states; see same_states

    @classmethod
    def load(cls, files: RunFiles) -> "RunChecks":
        """The rows of checks.csv that were made for the latents and states that are there; none in runs of earlier versions."""
        rows = [_row(fields, files.checks) for fields in read_text_rows(files.checks)]
        now = {is_about: fingerprint_of(files, is_about) for is_about in (True, False)}
        current = tuple(row for row in rows if row.made_for == now[_is_about_states(row.check)])
        return cls(current, full_states_in_common(files))

    def save(self, files: RunFiles) -> None:
        """Write checks.csv."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in self.rows:
            number = "" if row.number is None else f"{row.number:.6g}"
            texts = (row.verdict, row.sentence, row.advice, row.depth, row.made_for)
            writer.writerow([row.check, row.subject, number, f"{row.threshold:.6g}", *texts])
        write_text_whole(files.checks, text.getvalue())
        write_verdict_column(files.landscape.state_table, self.badge)
        write_verdict_column(files.landscape.full.state_table, partial(self.badge, source=FULL))

    def with_found(self, found: Iterable[Diagnostic], depth: str, files: RunFiles) -> "RunChecks":
        """These rows and what was found now, each in the place of its earlier one.

        A quick check does not replace a long one, and what could not be measured replaces nothing that was.
        """
        made_for = {is_about: fingerprint_of(files, is_about) for is_about in (True, False)}
        rows = {(row.check, row.subject): row for row in self.rows}
        for one in found:
            row = _row_of(one, depth, made_for)
            if not _stays(row, list(rows.values())):
                continue
            if row.number is not None:
                rows = {key: old for key, old in rows.items() if not _is_answered(old, row)}
            rows[row.check, row.subject] = row
        return RunChecks(tuple(rows.values()), self.in_common)

    def of_state(self, number: int) -> list[CheckRow]:
        """The rows on one state of landscape."""
        return [row for row in self.rows if row.subject == f"state {number}"]

    def verdict(self, number: int, source: str = SKETCH) -> StateVerdict:
        """The verdict on a state of landscape, or on one of landscape-full that has its particles; others are not tested."""
        if source == SKETCH:
            return verdict_of_state(self.of_state(number))
        in_common = self.in_common.get(number, 0.0) if source == FULL else 0.0
        if in_common < MINIMUM_IN_COMMON:
            return NOT_OF_THE_RUN[source]
        own = self.verdict(number)
        shared = f"{in_common:.0%} of the particles that are in state {number} of landscape or of landscape-full are in both."
        return replace(own, sentence=f"{shared} {own.sentence}")

    def badge(self, number: int, source: str = SKETCH) -> str:
        """What stands beside a state: supported (12 sigma)."""
        return self.verdict(number, source).badge

    def in_words(self, numbers: Iterable[int], source: str = SKETCH) -> str:
        """State 1: supported (12 sigma); states 2, 3: not tested."""
        alike: dict[str, list[int]] = {}
        for number in numbers:
            alike.setdefault(self.badge(number, source), []).append(number)
        text = "; ".join(
            f"{'state' if len(some) == 1 else 'states'} {', '.join(map(str, some))}: {badge}"
            for badge, some in alike.items()
        )
        return f"{text[0].upper()}{text[1:]}." if text else ""

    def how_to_read(self, numbers: Iterable[int], source: str) -> str:
        """What the verdicts on the states of landscape-full, or on Leiden communities, rest on; empty for those of landscape."""
        if source == SKETCH:
            return ""
        rule = [RULE_OF_FULL_STATES] if source == FULL else []
        others = [
            number
            for number in numbers
            if source != FULL or self.in_common.get(number, 0.0) < MINIMUM_IN_COMMON
        ]
        return " ".join([*rule, *([NOT_OF_THE_RUN[source].sentence] if others else [])])

    def badges_of_column(self, name: str, values: np.ndarray) -> dict[int, str]:  # (n,) values
        """The badge of every group of a column of states; empty for other columns."""
        source = next((one for one, column in COLUMN_OF_SOURCE.items() if column == name), None)
        if source is None:
            return {}
        return {int(number): self.badge(int(number), source) for number in np.unique(values) if number > 0}

    def lines_of_states(self, numbers: Iterable[int]) -> list[str]:
        """A line for the log on each state."""
        return [f"State {number}: {self.badge(number)}" for number in numbers]

    def as_plain(self) -> list[dict[str, Any]]:
        """All rows as in diagnostics.json."""
        return [row.as_plain() for row in self.rows]


def read_diagnostics(files: RunFiles) -> list[dict[str, Any]]:
    """The rows of diagnostics.json: name, value, threshold, verdict, is_bad, sentence, advice; empty before diagnose."""
    if not files.diagnostics.is_file():
        return []
    content = json.loads(files.diagnostics.read_text(encoding="utf-8"))
    rows = content.get("diagnostics", []) if isinstance(content, dict) else content
    return [row for row in rows if isinstance(row, dict)]


def _stays(new: CheckRow, rows: Sequence[CheckRow]) -> bool:
    """Whether a new row is to be kept beside, or in the place of, those that are there."""
    alike = [row for row in rows if row.check == new.check and row.number is not None]
    if new.number is None:
        return not any(_is_answered(new, row) for row in alike)
    return new.depth == LONG or not any(row.subject == new.subject and row.depth == LONG for row in alike)


def _is_answered(unmeasured: CheckRow, measured: CheckRow) -> bool:
    """Whether a row without a number has no use beside one that has it; "states may be noise" beside that of any state."""
    is_of_one = any(character.isdigit() for character in unmeasured.subject)
    is_same = not is_of_one or unmeasured.subject == measured.subject
    return unmeasured.number is None and unmeasured.check == measured.check and is_same


def _is_about_states(check: str) -> bool:
    return check in ABOUT_STATES or check in ABOUT_STATES_TOGETHER


def fingerprint_of(files: RunFiles, of_states: bool) -> str:
    """A short hash of the states of the particles, or of their latents; empty where there are none."""
    path = files.landscape.particle_states if of_states else files.latents
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else ""


def _row_of(found: Diagnostic, depth: str, made_for: dict[bool, str]) -> CheckRow:
    plain = found.as_plain()
    check, subject = check_and_subject(found.name)
    number, verdict = plain["value"], found.verdict if plain["value"] is not None else NOT_MEASURED
    texts = found.sentence, found.advice, depth, made_for[_is_about_states(check)]
    return CheckRow(check, subject, number, plain["threshold"], verdict, *texts)


def _row(fields: dict[str, str], path: Path) -> CheckRow:
    try:
        number = float(fields["number"]) if fields["number"] else None
        texts = [fields[name] for name in COLUMNS[4:]]
        row = CheckRow(fields["check"], fields["subject"], number, float(fields["threshold"]), *texts)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is not a table of checks: expected the columns {', '.join(COLUMNS)} ({error}). "
            f"Remove it and run `gem-em landscape {path.parent}` again."
        ) from error
    if row.verdict not in VERDICTS or None in texts:
        raise InputError(
            f"{path} has the verdict {row.verdict!r}; expected {', '.join(VERDICTS)}. "
            f"Remove it and run `gem-em landscape {path.parent}` again."
        )
    return row
