"""The way back: every state's particles as rows of the original star file."""

import io
from pathlib import Path

import numpy as np
from small_star_run import HEADER, write_run

from gem_plugin.progress import Progress
from gem_plugin.results.run import Run
from gem_plugin.results.state_particles import write_state_particles


def test_state_files_hold_the_original_rows_of_their_particles_and_nothing_else(tmp_path: Path) -> None:
    run, rows = write_run(tmp_path, 7)
    states = np.array([2, 1, 1, 1, 2, 2, 0])
    write_state_particles(run.landscape.states, states, 2, Run(run).original, Progress(io.StringIO()))
    for number in (1, 2):
        members = np.flatnonzero(states == number)
        written = (run.landscape.root / "states" / f"state_{number:03d}.star").read_text()
        assert written == HEADER + "".join(rows[member] for member in reversed(members))
        listed = np.loadtxt(run.landscape.root / "states" / f"state_{number:03d}_particles.txt", dtype=int)
        np.testing.assert_array_equal(listed, members)


def test_files_of_states_that_are_no_more_are_removed(tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 6)
    files, original = run.landscape.states, Run(run).original
    folder = files.root
    write_state_particles(files, np.array([1, 2, 3, 1, 2, 3]), 3, original, Progress(io.StringIO()))
    assert (folder / "state_003.star").is_file()
    write_state_particles(files, np.array([1, 2, 1, 1, 2, 1]), 2, original, Progress(io.StringIO()))
    assert sorted(path.name for path in folder.glob("*.star")) == ["state_001.star", "state_002.star"]
    assert not (folder / "state_003_particles.txt").exists()
