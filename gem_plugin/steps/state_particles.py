"""The particles of each state as lists of rows and as star files with the original rows."""

from pathlib import Path

import numpy as np

from gem_plugin.io.array_files import write_numbers
from gem_plugin.io.run_files import RunFiles
from gem_plugin.progress import Progress


def write_state_particles(
    folder: Path,
    particle_states: np.ndarray,  # (n,), 0 = none
    n_states: int,
    run: RunFiles,
    progress: Progress,
) -> None:
    """state_001_particles.txt (rows from 0) and state_001.star, for every state."""
    for path in [*folder.glob("state_*_particles.txt"), *folder.glob("state_*.star")]:
        path.unlink()
    for number in range(1, n_states + 1):
        rows = np.flatnonzero(particle_states == number)
        write_numbers(folder / f"state_{number:03d}_particles.txt", rows)
    if not run.particles_star.is_file():
        progress.say("No particles.star in the run: the states get lists of rows, but no star files.")
        return
    for number in range(1, n_states + 1):
        rows = np.flatnonzero(particle_states == number)
        write_star_rows(run.particles_star, rows, folder / f"state_{number:03d}.star")


def write_star_rows(original: Path, rows: np.ndarray, target: Path) -> None:
    """The header, optics and chosen rows of the original, as they are."""
    from gem_plugin.io.star_edit import write_star_subset

    write_star_subset(original, rows, target)
