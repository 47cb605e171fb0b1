"""Where in the tomograms the states are: state_neighbours.csv and state_distances.csv, saved and loaded in one place."""

from dataclasses import dataclass

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.run.position_files import PositionFiles
from gem_plugin.landscape.neighbouring_states import MINIMUM_TOMOGRAMS, N_PERMUTATIONS, NeighbouringStates
from gem_plugin.results.csv_tables import read_number_columns, write_text_rows
from gem_plugin.results.sample_comparison import p_in_words
from gem_plugin.results.state_sources import FULL, LEIDEN, SKETCH, STATE_SOURCES

SIGNIFICANT = 0.05
TOGETHER, APART, AS_CHANCE = "together", "apart", "no difference from chance found"
NEIGHBOUR_COLUMNS = (
    *("state", "particles", "same_state_fraction", "standard_error", "chance", "chance_error", "p_value"),
    *("neighbours", "tomograms"),
)
DISTANCE_COLUMNS = ("state", "nearest_state", "median_distance_in_angstroms", "chance_in_angstroms")
CAUTION = (
    "Neighbours share ice, thickness and defocus, and where they are closer than a box each is in the images of the other: that can "
    "make their states alike without any biology. Look at the maps, and at whether latents follow the tomogram (gem-em diagnose)."
)


@dataclass(frozen=True, eq=False)
class StatePositions:
    """How the particles of states 1 to s lie in their tomograms."""

    numbers: NeighbouringStates

    @property
    def states(self) -> list[int]:
        """Those with particles that have a neighbour."""
        return [index + 1 for index in np.flatnonzero(self.numbers.n_particles > 0).tolist()]

    def verdict(self, state: int) -> str:
        """TOGETHER, APART or AS_CHANCE."""
        index, found = state - 1, self.numbers
        if not found.p_values[index] < SIGNIFICANT:
            return AS_CHANCE
        return TOGETHER if found.fractions[index] > found.chance[index] else APART

    def in_words(self) -> str:
        """The states that differ from chance, or that none does."""
        different = [state for state in self.states if self.verdict(state) != AS_CHANCE]
        if not different:
            return "Positions in the tomograms: no state has more or fewer neighbours of its own than chance gives."
        return "Positions in the tomograms: " + "; ".join(map(self._sentence, different)) + "."

    def _sentence(self, state: int) -> str:
        index, found = state - 1, self.numbers
        return (
            f"state {state} lies {self.verdict(state)} ({100 * found.fractions[index]:.1f} % of the {found.n_neighbours} nearest particles "
            f"are in the same state, by chance {100 * found.chance[index]:.1f} ± {100 * found.chance_errors[index]:.1f} %, "
            f"{p_in_words(float(found.p_values[index]))})"
        )

    @property
    def method(self) -> str:
        """What the numbers are."""
        found = self.numbers
        error = (
            "Errors of the fractions were found by drawing tomograms again."
            if np.isfinite(found.errors).any()
            else f"With fewer than {MINIMUM_TOMOGRAMS} tomograms the fractions have no errors."
        )
        return (
            f"Of every particle the {found.n_neighbours} nearest particles in its tomogram were looked at, of those that are in a state "
            f"({int(found.n_particles.sum()):,} particles, {found.n_tomograms:,} tomogram{'' if found.n_tomograms == 1 else 's'}). "
            f"Chance is that of {N_PERMUTATIONS} permutations of the states within each tomogram; ± is their standard deviation, and "
            f"p-values are two-sided and hold for all states together. {error} {CAUTION}"
        )

    def save(self, files: PositionFiles) -> None:
        """Write both tables."""
        found = self.numbers
        measured = found.fractions, found.errors, found.chance, found.chance_errors, found.p_values
        rows = [
            (
                index + 1,
                int(count),
                *(float(values[index]) for values in measured),
                found.n_neighbours,
                found.n_tomograms,
            )
            for index, count in enumerate(found.n_particles)
        ]
        write_text_rows(files.neighbours, NEIGHBOUR_COLUMNS, rows)
        pairs = np.ndindex(found.distances_in_angstroms.shape)
        distances = [
            (
                first + 1,
                second + 1,
                float(found.distances_in_angstroms[first, second]),
                float(found.chance_distances_in_angstroms[first, second]),
            )
            for first, second in pairs
        ]
        write_text_rows(files.distances, DISTANCE_COLUMNS, distances)

    @classmethod
    def load(cls, files: PositionFiles) -> "StatePositions":
        """As saved; InputError where there are none."""
        if not files.neighbours.is_file() or not files.distances.is_file():
            raise InputError(
                f"{files.neighbours} is missing: nothing is known of where these states are in tomograms. Run `gem-em landscape` again; "
                "it needs particles of tilt series with coordinates."
            )
        try:
            of_states = read_number_columns(files.neighbours)
            distances = read_number_columns(files.distances)
            n_states = len(of_states["state"])
            particles, *measured = (of_states[name] for name in NEIGHBOUR_COLUMNS[1:7])
            medians, by_chance = (
                distances[name].reshape(n_states, n_states) for name in DISTANCE_COLUMNS[2:]
            )
            n_neighbours, n_tomograms = (int(of_states[name][0]) for name in NEIGHBOUR_COLUMNS[7:])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{files.neighbours} or {files.distances.name} has not the columns and rows expected ({error}). "
                "Run `gem-em landscape` again."
            ) from error
        fractions, errors, chance, chance_errors, p_values = measured
        return cls(
            NeighbouringStates(
                particles.astype(np.int64),
                fractions,
                errors,
                chance,
                chance_errors,
                p_values,
                medians,
                by_chance,
                n_neighbours,
                n_tomograms,
            )
        )


def position_files(files: LandscapeFiles, source: str = SKETCH) -> PositionFiles:
    """The files of a set of states."""
    if source not in STATE_SOURCES:
        raise InputError(f"There are no positions of {source!r}; expected {', '.join(STATE_SOURCES)}.")
    return {
        SKETCH: files.positions,
        FULL: files.full.positions,
        LEIDEN: files.full.leiden_positions,
    }[source]


def positions_if_there(files: LandscapeFiles, source: str = SKETCH) -> StatePositions | None:
    """None where none were measured."""
    found = position_files(files, source)
    return StatePositions.load(found) if found.neighbours.is_file() else None
