"""The states of a landscape, saved and loaded in one place: of the sketch maps, and of all particles."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, write_array, write_numbers
from gem_plugin.io.mrc.maps import MapFile, read_map
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.run.state_files import StateFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.sketch import Sketch as SketchCells
from gem_plugin.landscape.states import StateChoice
from gem_plugin.results.csv_tables import read_text_rows
from gem_plugin.results.state_choices import HEADER, line_of_choice
from gem_plugin.results.state_sources import COLUMN_OF_SOURCE, SKETCH, STEP_OF_SOURCE


@dataclass(frozen=True)
class States:
    """A state for every particle: those of landscape (sketch), of landscape-full (full), or Leiden communities."""

    source: str  # one of STATE_SOURCES
    labels: np.ndarray  # (n,) int64 from 1; 0 = none
    files: StateFiles  # maps and particle files, where they were made
    table: list[dict[str, str]]  # rows of states.csv: state, particles and what else was measured

    @property
    def column(self) -> str:
        """The name of these labels as a column."""
        return COLUMN_OF_SOURCE[self.source]

    @property
    def numbers(self) -> list[int]:
        """The states that hold particles."""
        return [int(number) for number in np.unique(self.labels) if number > 0]

    @property
    def counts(self) -> dict[int, int]:
        """Particles of each state."""
        counts = np.bincount(self.labels)
        return {number: int(counts[number]) for number in self.numbers}

    def rows(self, number: int) -> np.ndarray:  # (k,) int64
        """Rows of the particles of a state, from 0."""
        self.check_there_is(number)
        return np.flatnonzero(self.labels == number)

    def has_mean_map(self, number: int) -> bool:
        return self.files.mean(number).is_file()

    def mean_map(self, number: int) -> MapFile:
        """The mean map of a state."""
        self.check_there_is(number)
        return read_map(self.files.mean(number))

    def mean_maps(self) -> dict[int, Path]:
        """Files of all mean maps that were made, by state."""
        return {number: self.files.mean(number) for number in self.files.numbers_with_maps()}

    def check_there_is(self, *numbers: int) -> None:
        """Refuse states that do not exist."""
        unknown = [number for number in numbers if number not in self.numbers]
        if unknown:
            raise InputError(
                f"There is no state {', '.join(map(str, unknown))} in {self.files.root.parent}; "
                f"the states are {', '.join(map(str, self.numbers))}. "
                "See the plots of the landscape job for what each one is."
            )

    @classmethod
    def load(cls, files: LandscapeFiles, source: str = SKETCH) -> "States":
        """The states of a finished landscape; InputError names the step that makes them."""
        if source not in STEP_OF_SOURCE:
            raise InputError(
                f"There are no states of {source!r}; expected one of {', '.join(STEP_OF_SOURCE)}."
            )
        path, states, table = {
            "sketch": (files.particle_states, files.states, files.state_table),
            "full": (files.full.particle_states, files.full.states, files.full.state_table),
            "leiden": (files.full.leiden_states, files.full.leiden, None),
        }[source]
        labels = read_array(path, f"gem-em {STEP_OF_SOURCE[source]}")
        return cls(source, labels, states, [] if table is None else read_text_rows(table))


@dataclass(frozen=True)
class SketchStates:
    """The states of the sketch maps, and how they were found."""

    labels: np.ndarray  # (k,) int64, from 1
    tree: np.ndarray  # (k - 1, 4)
    linkage: str
    silhouette: float
    largest_fraction: float  # of the particles, in one state
    is_one_cloud: bool  # the particles have one basin: several states are cuts through it
    choices: list[StateChoice]  # how good other numbers of states would be

    @property
    def n_states(self) -> int:
        return int(self.labels.max())

    def of_particles(self, sketch: SketchCells) -> np.ndarray:  # (n,) int64
        """The state of every particle: that of its sketch map; 0 where its map was left out."""
        return np.where(sketch.labels < 0, 0, self.labels[sketch.labels])

    def save(self, files: LandscapeFiles, sketch: SketchCells) -> None:
        """Labels of maps and particles, the tree, and the quality of other choices."""
        write_array(files.state_labels, self.labels)
        write_array(files.particle_states, self.of_particles(sketch))
        write_array(files.tree, self.tree)
        files.states.remove_sketch_maps()
        for number in range(1, self.n_states + 1):
            write_numbers(files.states.sketch_maps(number), np.flatnonzero(self.labels == number))
        files.state_choices.unlink(missing_ok=True)
        if self.choices:
            lines = [HEADER, *map(line_of_choice, self.choices)]
            write_text_whole(files.state_choices, "\n".join(lines) + "\n")
