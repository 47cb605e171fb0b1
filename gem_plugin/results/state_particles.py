"""The particles of each state: lists of rows, and the original rows as .star or .cs files."""

import numpy as np

from gem_plugin.io.array_files import write_numbers
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import FullLandscapeFiles, LandscapeFiles
from gem_plugin.io.run.state_files import StateFiles
from gem_plugin.progress import Progress
from gem_plugin.results.particle_file import ParticleFile


def write_state_particles(
    files: StateFiles,
    particle_states: np.ndarray,  # (n,), 0 = none
    n_states: int,
    original: ParticleFile | None,  # None for the landscape of another program's run
    progress: Progress,
) -> None:
    """state_001_particles.txt (rows from 0) and state_001.star or state_001.cs, for every state."""
    files.remove_particles()
    rows_of_states = {number: np.flatnonzero(particle_states == number) for number in range(1, n_states + 1)}
    for number, rows in rows_of_states.items():
        write_numbers(files.rows(number), rows)
    if original is None:
        progress.say(
            "No prepared particles in this folder: the states get lists of rows, but no particle files."
        )
        return
    with progress.waiting("reading the particles again"):
        len(original)
    for number, rows in progress.track(list(rows_of_states.items()), "particles of the states", unit="state"):
        if len(rows):
            title, description = f"State {number}", f"state {number} of GEM"
            original.write(files.particles(number, original.suffix), rows, None, title, description)


def write_particle_classes(
    files: LandscapeFiles | FullLandscapeFiles,
    original: ParticleFile | None,
    particle_states: np.ndarray,  # (n,) from 1; 0 = none
    made_by: RunFiles,
    progress: Progress,
    coordinates: np.ndarray | None = None,  # (n, c): volume-component coordinates, where known
) -> None:
    """All particles with their state as class number, where the program that they came from selects by class."""
    if original is None:
        return
    target = files.particles(original.suffix)
    with progress.waiting(f"class numbers in {target.name}"):
        original.write_classes(target, particle_states, coordinates, made_by)
