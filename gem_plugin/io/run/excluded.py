"""excluded.csv: particles of a run that are in no training and in no state, with the reason. Absent where there are none.

Their rows stay everywhere, so that whatever is written back has all particles in the order of the input.
"""

import csv
import io
from typing import NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import write_text_whole

HEADER = ("row", "image", "reason")


class ExcludedParticles(NamedTuple):
    """Which particles, and why; sorted by row."""

    rows: np.ndarray  # (k,) int64, from 0, in the order of the input
    image_names: list[str]
    reasons: list[str]

    def __len__(self) -> int:  # type: ignore[override]
        return len(self.rows)

    @classmethod
    def none(cls) -> "ExcludedParticles":
        return cls(np.zeros(0, dtype=np.int64), [], [])


def read_excluded(run: RunFiles) -> ExcludedParticles:
    """The particles that prepare left out."""
    if not run.excluded.is_file():
        return ExcludedParticles.none()
    with open(run.excluded, encoding="utf-8", errors="surrogateescape", newline="") as handle:
        lines = list(csv.DictReader(handle))
    try:
        rows = np.array([int(line["row"]) for line in lines], dtype=np.int64)
        return ExcludedParticles(rows, [line["image"] for line in lines], [line["reason"] for line in lines])
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"{run.excluded} is damaged; expected the columns {', '.join(HEADER)}. Run `gem-em prepare` again."
        ) from error


def write_excluded(run: RunFiles, excluded: ExcludedParticles) -> None:
    """Replace the list; no file where it is empty."""
    if not len(excluded):
        run.excluded.unlink(missing_ok=True)
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(zip(excluded.rows.tolist(), excluded.image_names, excluded.reasons, strict=True))
    content = text.getvalue().encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    write_text_whole(run.excluded, content)


def used_particles(run: RunFiles, n_particles: int) -> np.ndarray:  # (n,) bool
    """True for the particles that count in training, states and populations."""
    rows = read_excluded(run).rows
    if len(rows) and (rows.min() < 0 or rows.max() >= n_particles):
        raise InputError(
            f"{run.excluded} names row {rows.max()}; the run has {n_particles} particles. Run `gem-em prepare` again."
        )
    is_used = np.ones(n_particles, dtype=bool)
    is_used[rows] = False
    return is_used
