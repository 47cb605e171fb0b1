"""What one state more or fewer would mean, from the tree and state_choices.csv, also of earlier versions."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.landscape.states import StateChoice, build_tree, cut_into_states
from gem_plugin.results.state_choices import HEADER, line_of_choice, load_choices, load_other_numbers

AT = np.concatenate([[0, 0.1, 0.2, 0.3, 2.0, 2.1, 2.2], [10, 10.1, 10.2], [14.0, 14.1]])[:, None]


@pytest.fixture
def files(tmp_path: Path) -> LandscapeFiles:
    files = LandscapeFiles(tmp_path)
    tree = build_tree(cdist(AT, AT), "average")
    write_array(files.tree, tree)
    write_array(files.state_labels, cut_into_states(tree, 3, np.ones(len(AT))))
    return files


def test_neighbours_are_joined_and_the_widest_state_is_divided(files: LandscapeFiles) -> None:
    choices = [StateChoice(3, 0.9, 1.0, 0.5, 4.0), StateChoice(4, 0.6, 0.55, 0.4, 0.3)]
    files.state_choices.write_text("\n".join([HEADER, *map(line_of_choice, choices)]) + "\n")
    others = load_other_numbers(files)
    assert others is not None
    assert others.joined == (2, 3)
    assert others.divided == 1
    assert others.choices == {3: choices[0], 4: choices[1]}


def test_tables_of_earlier_versions_have_no_barriers(files: LandscapeFiles) -> None:
    files.state_choices.write_text("n_states,silhouette,stability,largest_share\n2,0.5,0.9,0.6\n")
    assert math.isnan(load_choices(files)[2].barrier_in_kt)
    files.state_choices.write_text("n_states,silhouette\n2,0.5\n")
    with pytest.raises(InputError, match="is not a table of numbers of states"):
        load_choices(files)


def test_one_state_and_no_tree(files: LandscapeFiles) -> None:
    write_array(files.state_labels, np.ones(len(AT), dtype=np.int64))
    others = load_other_numbers(files)
    assert others is not None
    assert (others.joined, others.divided) == (None, 1)
    files.tree.unlink()
    assert load_other_numbers(files) is None
