"""state_choices.csv and the tree of a landscape: what other numbers of states would have meant."""

from dataclasses import dataclass

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.landscape.states import StateChoice
from gem_plugin.landscape.tree_cuts import cut_tree_at
from gem_plugin.results.csv_tables import read_text_rows

HEADER = "n_states,silhouette,stability,largest_share,barrier_in_kt"
MADE_BY = "gem-em landscape"


@dataclass(frozen=True)
class OtherNumbers:
    """How the states that were chosen differ from one fewer and one more."""

    joined: tuple[int, int] | None  # the two states that one fewer would join; None where there is one
    divided: int | None  # the state that one more would divide; None where every map is a state
    choices: dict[int, StateChoice]  # number -> how good it is


def line_of_choice(choice: StateChoice) -> str:
    """A row of state_choices.csv."""
    numbers = f"{choice.silhouette:.6f},{choice.stability:.6f},{choice.largest_share:.6f}"
    return f"{choice.n_states},{numbers},{choice.barrier_in_kt:.4f}"


def load_choices(files: LandscapeFiles) -> dict[int, StateChoice]:
    """The numbers that were looked at; without barriers in runs of version 0.1.0."""
    try:
        choices = [
            StateChoice(
                int(row["n_states"]),
                float(row["silhouette"]),
                float(row["stability"]),
                float(row["largest_share"]),
                float(row.get("barrier_in_kt", "nan")),
            )
            for row in read_text_rows(files.state_choices)
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{files.state_choices} is not a table of numbers of states: expected the columns {HEADER} ({error}). "
            f"Run `{MADE_BY}` again."
        ) from error
    return {choice.n_states: choice for choice in choices}


def load_other_numbers(files: LandscapeFiles) -> OtherNumbers | None:
    """None where the landscape kept no tree."""
    if not files.tree.is_file() or not files.state_labels.is_file():
        return None
    tree, labels = read_array(files.tree, MADE_BY), read_array(files.state_labels, MADE_BY)
    n_states = int(labels.max(initial=0))
    if len(tree) + 1 != len(labels) or n_states < 1:
        return None
    joined = divided = None
    if n_states > 1:
        coarser = cut_tree_at(tree, n_states - 1)
        together = [set(labels[coarser == one].tolist()) for one in np.unique(coarser)]
        pair = next((sorted(states) for states in together if len(states) == 2), None)
        joined = None if pair is None else (pair[0], pair[1])
    if n_states < len(labels):
        finer = cut_tree_at(tree, n_states + 1)
        parts = {int(state): len(np.unique(finer[labels == state])) for state in np.unique(labels)}
        divided = next((state for state, number in parts.items() if number == 2), None)
    return OtherNumbers(joined, divided, load_choices(files))
