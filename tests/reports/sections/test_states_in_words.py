"""How many states, how sure, what other numbers would mean, and continua, in sentences."""

from pathlib import Path

import numpy as np
import pytest
from old_runs import copy_old_run
from scipy.spatial.distance import cdist

from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.states import StateChoice, build_tree, cut_into_states
from gem_plugin.reports.sections.states_in_words import states_in_words
from gem_plugin.results.continuum import StateContinuum, save_continua
from gem_plugin.results.run import Run
from gem_plugin.results.state_choices import HEADER, line_of_choice

AT = np.concatenate([[0, 0.1, 0.2, 0.3, 2.0, 2.1, 2.2], [10, 10.1, 10.2], [14.0, 14.1]])[:, None]


class Counted(Run):
    """A run of which only the sizes of its states are given."""

    sizes: dict[int, int]

    @property
    def state_counts(self) -> dict[int, int]:
        return self.sizes


@pytest.fixture
def run(tmp_path: Path) -> Counted:
    run = Counted(tmp_path)
    run.files.landscape.root.mkdir()
    return run


def with_states(run: Counted, sizes: list[int], *choices: StateChoice) -> str:
    files, tree = run.files.landscape, build_tree(cdist(AT, AT), "average")
    write_array(files.tree, tree)
    write_array(files.state_labels, cut_into_states(tree, len(sizes), np.ones(len(AT))))
    files.state_choices.write_text("\n".join([HEADER, *map(line_of_choice, choices)]) + "\n")
    run.sizes = dict(enumerate(sizes, start=1))
    return states_in_words(run)


def test_number_stability_and_what_other_numbers_would_mean(run: Counted) -> None:
    words = with_states(
        run, [700, 300, 200], StateChoice(3, 0.9, 0.97, 0.6, 2.4), StateChoice(4, 0.6, 0.55, 0.4, 0.3)
    )
    assert words == (
        "Three states, of 200 to 700 particles (16.7 % to 58.3 %): clustering four fifths of the maps finds them again to 97 %, and at least "
        "2.4 kT of free energy lie between any two. Two would join 2 and 3; four would divide state 1, but that border is arbitrary "
        "(stability 0.55, barrier 0.3 kT)."
    )
    sure = StateChoice(4, 0.6, 0.95, 0.4, 3.0)
    words = with_states(run, [700, 300, 200], StateChoice(3, 0.9, 0.97, 0.6, float("inf")), sure)
    assert "to 97 %, and hardly any particles lie between them." in words
    assert "four would divide state 1 (stability 0.95, barrier 3.0 kT)." in words


def test_one_state_and_a_continuum(run: Counted) -> None:
    loop = StateContinuum(0, True, 192.1, 249.7, 0.188, 10.68, 38.9, 1.0)
    save_continua(run.files.landscape, [loop])
    words = with_states(run, [1200], StateChoice(2, 0.4, 0.5, 0.5, 0.4))
    assert words == (
        "One state: the maps form one cloud, and nowhere between them are particles rare. Two would divide state 1, but that border is "
        f"arbitrary (stability 0.50, barrier 0.4 kT). {loop.sentence}"
    )


def test_before_a_landscape_there_are_none(run: Counted) -> None:
    run.sizes = {}
    assert states_in_words(run) == "none yet"


def test_a_run_of_an_earlier_version_has_words_too(tmp_path: Path) -> None:
    words = states_in_words(Run(RunFiles(copy_old_run(tmp_path))))
    assert words.startswith("Three states, of ")
    assert "Two would join" in words
    assert "kT" not in words
