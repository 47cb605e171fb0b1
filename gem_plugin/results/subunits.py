"""The states of the subunits of each particle, saved and loaded in one place."""

import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.run.subunit_files import SubunitFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.subunits import (
    Cooperativity,
    Pattern,
    SubunitCounts,
    count_subunits,
    find_patterns,
    measure_cooperativity,
)
from gem_plugin.particles.expansion import has_subunits
from gem_plugin.particles.table import ParticleTable
from gem_plugin.results.csv_tables import read_text_rows

STATE_COLUMN = "state_{number}"
COLUMNS_BEFORE_STATES = ("row", "image", "views", "without_state")
COLUMNS_AFTER_STATES = ("observed", "expected", "error", "z_score")
SEED = 0
SIGNIFICANT = 0.01  # p-value


@dataclass(frozen=True, eq=False)
class Subunits:
    """p physical particles with several views, and s states."""

    file_rows: np.ndarray  # (p,) int64: row of the particle file of the first view
    image_names: list[str]  # of the first view
    counts: np.ndarray  # (p, s) int64: subunits in states 1 to s
    n_views: np.ndarray  # (p,) int64
    n_subunits: int  # of a complete particle
    patterns: list[Pattern]  # of complete particles, the most frequent ones first
    cooperativity: (
        Cooperativity | None
    )  # None where it cannot be measured: one state, or no complete particle

    @property
    def is_complete(self) -> np.ndarray:  # (p,) bool
        """Whether all subunits are there and have a state; only such particles are in the patterns."""
        return self.counts.sum(axis=1) == self.n_subunits

    @property
    def n_incomplete(self) -> int:
        return int((~self.is_complete).sum())

    def in_words(self) -> str:
        """What was found, in one or two sentences."""
        complete = int(self.is_complete.sum())
        text = f"{complete:,} particles have all {self.n_subunits} subunits with a state"
        if self.n_incomplete:
            text += f" ({self.n_incomplete:,} others lack some and are left out)"
        if self.cooperativity is None:
            return text + "; whether subunits are independent cannot be measured."
        return f"{text}. {cooperativity_in_words(self.cooperativity)}"

    def save(self, files: SubunitFiles) -> None:
        """subunits.csv, subunit_patterns.csv and subunit_cooperativity.json."""
        states = [STATE_COLUMN.format(number=number) for number in range(1, self.counts.shape[1] + 1)]
        without_state = self.n_views - self.counts.sum(axis=1)
        columns = [self.file_rows, self.image_names, self.n_views, without_state, *self.counts.T]
        lists = [column.tolist() if isinstance(column, np.ndarray) else column for column in columns]
        _write_csv(files.table, [*COLUMNS_BEFORE_STATES, *states], zip(*lists, strict=True))
        _write_csv(
            files.patterns,
            [*states, *COLUMNS_AFTER_STATES],
            (
                [*one.counts, one.observed, f"{one.expected:.4g}", f"{one.error:.4g}", f"{one.z_score:.3f}"]
                for one in self.patterns
            ),
        )
        measured = None if self.cooperativity is None else dataclasses.asdict(self.cooperativity)
        content = {"subunits": self.n_subunits, "cooperativity": measured}
        write_text_whole(files.cooperativity, json.dumps(content, indent=1) + "\n")

    @classmethod
    def load(cls, files: SubunitFiles) -> "Subunits":
        """What a landscape left; InputError where it has none."""
        rows = read_text_rows(files.table)
        if not rows or not files.cooperativity.is_file():
            raise InputError(
                f"There is no {files.table}: it is made by landscape and landscape-full for particles with several views, "
                "that is, expanded by symmetry: gem-em run --symmetry C3, or the star or cs file of a symmetry expansion."
            )
        try:
            content = json.loads(files.cooperativity.read_text(encoding="utf-8"))
            measured = content["cooperativity"]
            states = [name for name in rows[0] if name not in COLUMNS_BEFORE_STATES]
            patterns = [
                Pattern(
                    tuple(int(row[name]) for name in states),
                    int(row["observed"]),
                    float(row["expected"]),
                    float(row["error"]),
                )
                for row in read_text_rows(files.patterns)
            ]
            return cls(
                file_rows=np.array([int(row["row"]) for row in rows], dtype=np.int64),
                image_names=[row["image"] for row in rows],
                counts=np.array([[int(row[name]) for name in states] for row in rows], dtype=np.int64),
                n_views=np.array([int(row["views"]) for row in rows], dtype=np.int64),
                n_subunits=int(content["subunits"]),
                patterns=patterns,
                cooperativity=None if measured is None else Cooperativity(**measured),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(f"{files.table} is damaged ({error}). Run gem-em landscape again.") from error


def subunits_of_states(
    table: ParticleTable,
    states: np.ndarray,  # (n,) from 1; 0: none
    is_used: np.ndarray,  # (n,) bool
) -> Subunits | None:
    """The states of the particles as those of their subunits; None where the particles have one view each."""
    if not has_subunits(table) or len(states) != len(table):
        return None
    labels = np.where(is_used, states, 0)
    n_subunits = len(table.symmetry) if len(table.symmetry) > 1 else None
    counted: SubunitCounts = count_subunits(
        table.particle_indices, labels, max(1, int(states.max(initial=0))), n_subunits
    )
    return Subunits(
        file_rows=table.file_rows[counted.first_rows],
        image_names=[str(name) for name in table.image_names[counted.first_rows].tolist()],
        counts=counted.counts,
        n_views=counted.n_views,
        n_subunits=counted.n_subunits,
        patterns=find_patterns(counted),
        cooperativity=measure_cooperativity(counted, np.random.default_rng(SEED)),
    )


def cooperativity_in_words(found: Cooperativity) -> str:
    """One sentence with the number, its error and the p-value."""
    number = f"cooperativity {found.value:.3f} ± {found.standard_error:.3f}, p {p_value_in_words(found)}"
    if found.p_value > SIGNIFICANT:
        return f"Their states do not differ from independent ones: {number}."
    how = "are alike more often" if found.value > 0 else "differ more often"
    return f"Subunits of one particle {how} than independent ones: {number}."


def p_value_in_words(found: Cooperativity) -> str:
    """The p-value, or the smallest that the shuffles can show."""
    smallest = 1 / (1 + found.n_shuffles)
    return f"≤ {smallest:.2g}" if found.p_value <= smallest else f"= {found.p_value:.2g}"


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text_whole(path, text.getvalue().encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
