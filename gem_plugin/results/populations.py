"""populations.csv: the fraction of each state by maximum likelihood, with errors, saved and loaded in one place."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.populations import Populations
from gem_plugin.results.csv_tables import read_text_rows
from gem_plugin.results.micrographs import MICROGRAPHS, PARTICLES, STACKS
from gem_plugin.results.state_sources import FULL, LEIDEN, SKETCH, STATE_SOURCES, STEP_OF_SOURCE

COLUMNS = (
    "state",
    "counted_fraction",
    "fraction",
    "lower",
    "upper",
    "free_energy_in_kt",
    "free_energy_error_in_kt",
    "groups",
    "drawn_by",
    "by_posteriors",
)
MANY_STATES = 10  # that were checked; 20 overlapping ones had intervals that were too narrow


@dataclass(frozen=True, eq=False)
class StatePopulations:
    """Fractions of the particles in states 1 to k; index i is state i + 1. Excluded particles and outliers are not counted."""

    counted: np.ndarray  # (k,) by counting labels
    fractions: np.ndarray  # (k,) by maximum likelihood over all particles
    lower: np.ndarray  # (k,) of the 90 % interval
    upper: np.ndarray  # (k,)
    energies_in_kt: np.ndarray  # (k,): -ln(fraction / largest fraction); inf where the fraction is 0
    energy_errors_in_kt: (
        np.ndarray
    )  # (k,) standard deviation; NaN where the fraction cannot be distinguished from 0
    n_groups: np.ndarray  # (k,) int64: micrographs (or what drawn_by names) with particles of the state
    drawn_by: str  # "micrographs", "image stacks" or "particles": what was drawn again for the errors
    by_posteriors: bool  # False: the model gives no uncertainty of the latents, or states are too many to fit; fractions are those counted

    @property
    def numbers(self) -> list[int]:
        """The states."""
        return list(range(1, len(self.fractions) + 1))

    @property
    def sentence(self) -> str:
        """What the fractions are and what their errors contain."""
        method = (
            "Fractions are those of maximum likelihood over all particles, each with the uncertainty of its latents."
            if self.by_posteriors
            else "Fractions are counted, as the model gives no uncertainty of the latents or the states are more than 50; states that overlap are then biased."
        )
        drawn = {
            MICROGRAPHS: "particles and micrographs",
            STACKS: "particles and image stacks",
            PARTICLES: "particles",
        }[self.drawn_by]
        too_small = (
            " Fewer than ten micrographs are known, so particles were drawn one by one: these errors are too small."
            if self.drawn_by == PARTICLES
            else ""
        )
        many = (
            f" With as many as {len(self.fractions)} states that overlap, the intervals are too narrow; ask for fewer states."
            if len(self.fractions) > MANY_STATES
            else ""
        )
        return (
            f"{method} The intervals contain the truth in 90 % of repeats as far as chance in {drawn} decides: they "
            f"were found by drawing {self.drawn_by} again. They do not contain the randomness of training, errors of poses, or "
            f"another choice of states.{too_small}{many}"
        )

    @classmethod
    def of(cls, found: Populations, drawn_by: str, by_posteriors: bool) -> "StatePopulations":
        return cls(
            found.counted,
            found.fractions,
            found.lower,
            found.upper,
            found.energies_in_kt,
            found.energy_errors_in_kt,
            found.n_groups,
            drawn_by,
            by_posteriors,
        )

    def save(self, files: LandscapeFiles) -> None:
        """Write populations.csv of landscape."""
        self.write(files.populations)

    def write(self, path: Path) -> None:
        """Write the table."""
        numbers = (
            self.counted, self.fractions, self.lower, self.upper, self.energies_in_kt, self.energy_errors_in_kt,
        )  # fmt: skip
        lines = [",".join(COLUMNS)]
        for index, number in enumerate(self.numbers):
            values = [f"{values[index]:.6g}" for values in numbers]
            ending = [str(int(self.n_groups[index])), self.drawn_by, str(int(self.by_posteriors))]
            lines.append(",".join([str(number), *values, *ending]))
        write_text_whole(path, "\n".join(lines) + "\n")

    @classmethod
    def load(cls, files: LandscapeFiles, source: str = SKETCH) -> "StatePopulations":
        """The populations of a set of states; InputError where there are none, as before 0.2.0."""
        path = populations_file(files, source)
        command = f"gem-em {STEP_OF_SOURCE[source]} {files.root.parent}"
        rows = read_text_rows(path)
        if not rows:
            raise InputError(
                f"{path} is missing: this landscape has no populations with errors. Run `{command}`."
            )
        counted, fractions, lower, upper, energies, errors, n_groups = (
            _numbers(rows, column, path, command) for column in COLUMNS[1:8]
        )
        return cls(
            counted,
            fractions,
            lower,
            upper,
            energies,
            errors,
            n_groups.astype(np.int64),
            rows[0]["drawn_by"],
            rows[0]["by_posteriors"] == "1",
        )


def populations_file(files: LandscapeFiles, source: str = SKETCH) -> Path:
    """The table of a set of states."""
    if source not in STATE_SOURCES:
        raise InputError(f"There are no populations of {source!r}; expected {', '.join(STATE_SOURCES)}.")
    return {
        SKETCH: files.populations,
        FULL: files.full.populations,
        LEIDEN: files.full.leiden_populations,
    }[source]


def _numbers(rows: list[dict[str, str]], column: str, path: Path, command: str) -> np.ndarray:  # (k,) float64
    try:
        return np.array([float(row[column]) for row in rows])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} has no number in the column {column} of every state. Run `{command}` again."
        ) from error
