"""The states of a landscape: saved and loaded in one place."""

from dataclasses import dataclass

import numpy as np

from gem_plugin.io.array_files import write_array, write_numbers
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.sketch import Sketch
from gem_plugin.landscape.states import StateChoice


@dataclass(frozen=True)
class States:
    """The states of the sketch maps, and how they were found."""

    labels: np.ndarray  # (k,) int64, from 1
    tree: np.ndarray  # (k - 1, 4)
    linkage: str
    silhouette: float
    largest_share: float
    is_one_cloud: bool  # no better apart than cuts through a cloud without groups
    choices: list[StateChoice]  # how good other numbers of states would be

    @property
    def n_states(self) -> int:
        return int(self.labels.max())


def particle_states(sketch: Sketch, state_labels: np.ndarray) -> np.ndarray:  # (n,) int64
    """The state of every particle: that of its sketch map; 0 where its map was left out."""
    return np.where(sketch.labels < 0, 0, state_labels[sketch.labels])


def _save_states(states: States, sketch: Sketch, files: LandscapeFiles) -> None:
    write_array(files.state_labels, states.labels)
    write_array(files.particle_states, particle_states(sketch, states.labels))
    write_array(files.tree, states.tree)
    for number in range(1, states.n_states + 1):
        write_numbers(files.state_file(number, "volumes.txt"), np.flatnonzero(states.labels == number))
    if states.choices:
        lines = [
            f"{choice.n_states},{choice.silhouette:.6f},{choice.stability:.6f},{choice.largest_share:.6f}"
            for choice in states.choices
        ]
        header = "n_states,silhouette,stability,largest_share\n"
        write_text_whole(files.state_choices, header + "\n".join(lines) + "\n")
