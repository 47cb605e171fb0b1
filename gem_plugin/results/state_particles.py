"""The particles of each state: lists of rows, and the original rows as .star or .cs files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gem_plugin.io.array_files import write_numbers
from gem_plugin.io.cryosparc.groups import write_particle_group
from gem_plugin.io.cryosparc.jobs import read_cryosparc
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.star.edit import subset_pieces, write_whole_pieces
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.particles.source import is_cryosparc
from gem_plugin.progress import Progress
from gem_plugin.steps.write_star.step import open_original


def write_state_particles(
    folder: Path,
    particle_states: np.ndarray,  # (n,), 0 = none
    n_states: int,
    run: RunFiles,
    progress: Progress,
) -> None:
    """state_001_particles.txt (rows from 0) and state_001.star or state_001.cs, for every state."""
    for pattern in ("state_*_particles.txt", "state_*.star", "state_*.cs", "state_*.csg"):
        for path in folder.glob(pattern):
            path.unlink()
    rows_of_states = [np.flatnonzero(particle_states == number) for number in range(1, n_states + 1)]
    for number, rows in enumerate(rows_of_states, start=1):
        write_numbers(folder / f"state_{number:03d}_particles.txt", rows)
    if not run.prepared_table.is_file():
        progress.say("No prepared particles in this folder: the states get lists of rows, but no star files.")
    elif is_cryosparc(load_prepared_table(run)[2].particle_file):
        _write_cs_files(folder, rows_of_states, run, progress)
    else:
        _write_star_files(folder, rows_of_states, run, progress)


def _write_star_files(
    folder: Path, rows_of_states: list[np.ndarray], run: RunFiles, progress: Progress
) -> None:
    with progress.waiting("reading the particles again"):
        file, run_rows = open_original(run)
    for number, rows in _told(rows_of_states, progress):
        if len(rows):
            pieces = subset_pieces(file.document, file.particles, run_rows[rows])
            write_whole_pieces(folder / f"state_{number:03d}.star", pieces)


def _write_cs_files(
    folder: Path, rows_of_states: list[np.ndarray], run: RunFiles, progress: Progress
) -> None:
    with progress.waiting("reading the particles again"):
        particles = read_cryosparc(load_prepared_table(run)[2].particle_file)
    for number, rows in _told(rows_of_states, progress):
        if len(rows):
            text = f"{len(rows)} of the {len(particles)} particles of {particles.source.name}, state {number} of GEM"
            write_particle_group(folder / f"state_{number:03d}.cs", particles, rows, f"State {number}", text)


def _told(rows_of_states: list[np.ndarray], progress: Progress) -> Iterator[tuple[int, np.ndarray]]:
    """Every state's number and rows."""
    numbered = list(enumerate(rows_of_states, start=1))
    return progress.track(numbered, "particles of the states", unit="state")
