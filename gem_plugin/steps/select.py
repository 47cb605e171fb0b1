"""select: the particles of chosen states as one star or cs file, original rows verbatim."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, read_rows
from gem_plugin.io.cryosparc_groups import write_particle_group
from gem_plugin.io.cryosparc_jobs import read_cryosparc
from gem_plugin.io.landscape_files import LandscapeFiles
from gem_plugin.io.run_files import RunFiles
from gem_plugin.io.star_edit import subset_pieces, write_whole_pieces
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.particles.source import is_cryosparc
from gem_plugin.progress import Progress
from gem_plugin.settings import setting
from gem_plugin.steps.write_star import open_original


@dataclass(frozen=True)
class SelectSettings:
    """Which states, and where their particles go."""

    states: tuple[int, ...] = setting((), "Numbers of the states to keep, such as 1,3.")
    rows: Path | None = setting(
        None, "Text file of particle rows, counted from 0, one a line; instead of states."
    )
    out: Path | None = setting(
        None,
        "The file to write. Default: particles.star (or .cs) in a job of its own, else in the folder selected.",
    )


def run_select(run: RunFiles, settings: SelectSettings, progress: Progress) -> dict[str, Any]:
    """Write the particles of the states; nothing of the original file changes but the missing rows."""
    if bool(settings.states) == (settings.rows is not None):
        raise InputError(
            "Expected either --states, such as --states 1,3, or --rows with a list of rows; one of them."
        )
    table, _, origin = load_prepared_table(run)
    if settings.rows is not None:
        chosen = read_rows(settings.rows, len(table))
    else:
        chosen = _particles_of_states(run, settings.states, len(table))
    is_star = not is_cryosparc(origin.particle_file)
    out = settings.out or _usual_target(run, "particles.star" if is_star else "particles.cs")
    if is_star:
        file, run_rows = open_original(run)
        write_whole_pieces(out, subset_pieces(file.document, file.particles, run_rows[chosen]))
    else:
        text = f"{len(chosen)} of the {len(table)} particles of {origin.particle_file.name}, chosen by GEM"
        particles = read_cryosparc(origin.particle_file)
        write_particle_group(out, particles, chosen, "Particles chosen by GEM", text)
    progress.say(f"{len(chosen)} of {len(table)} particles written to {out}")
    return {"particles": len(chosen), "of": len(table), "file": str(out)}


def _particles_of_states(
    run: RunFiles, states: tuple[int, ...], n_particles: int
) -> np.ndarray:  # (k,) int64
    path = LandscapeFiles(run.landscape).particle_states
    particle_states = read_array(path, f"gem-em landscape {run.root}")
    if particle_states.shape != (n_particles,):
        raise InputError(
            f"{path} has the states of {particle_states.shape} particles, the run has {n_particles}. "
            f"Run `gem-em landscape {run.root}` again."
        )
    present = np.unique(particle_states[particle_states > 0])
    unknown = [state for state in states if state not in present]
    if unknown:
        raise InputError(
            f"There is no state {', '.join(map(str, unknown))} in {path}; the states are {', '.join(map(str, present))}. "
            "See the plots of the landscape job for what each one is."
        )
    return np.flatnonzero(np.isin(particle_states, states))


def _usual_target(run: RunFiles, name: str) -> Path:
    """particles.star where the landscape is linked from another job; in the same run that name holds the latents."""
    if LandscapeFiles(run.landscape).particle_states.is_symlink():
        return run.root / name
    return run.root / "selected" / name
