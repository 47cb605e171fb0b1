"""select: the particles of states, ranges, polygons and other conditions as one star or cs file, rows verbatim."""

from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_rows
from gem_plugin.io.cryosparc.groups import write_particle_group
from gem_plugin.io.cryosparc.jobs import read_cryosparc
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.star.edit import subset_pieces, write_whole_pieces
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.particles.source import is_cryosparc
from gem_plugin.progress import Progress
from gem_plugin.steps.select.conditions import (
    in_component_range,
    in_polygon,
    meets_condition,
    states_of,
)
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.write_star.step import open_original


def run_select(run: RunFiles, settings: SelectSettings, progress: Progress) -> dict[str, Any]:
    """Write the particles that meet every condition; nothing of the original file changes but the missing rows."""
    table, _, origin = load_prepared_table(run)
    with progress.waiting("conditions"):
        chosen = rows_chosen(run, settings, len(table))
    is_star = not is_cryosparc(origin.particle_file)
    out = settings.out or _usual_target(run, "particles.star" if is_star else "particles.cs")
    with progress.waiting(f"writing {out.name}"):
        if is_star:
            file, run_rows = open_original(run)
            pieces = subset_pieces(file.document, file.particles, run_rows[chosen])
            write_whole_pieces(out, pieces)
        else:
            text = (
                f"{len(chosen)} of the {len(table)} particles of {origin.particle_file.name}, chosen by GEM"
            )
            particles = read_cryosparc(origin.particle_file)
            write_particle_group(out, particles, chosen, "Particles chosen by GEM", text)
    progress.say(f"{len(chosen)} of {len(table)} particles written to {out}")
    return {"particles": len(chosen), "of": len(table), "file": str(out)}


def rows_chosen(run: RunFiles, settings: SelectSettings, n_particles: int) -> np.ndarray:  # (k,) int64
    """The rows that meet all conditions, or with --exclude all others."""
    if settings.states and settings.rows is not None:
        raise InputError(
            "Expected either --states, such as --states 1,3, or --rows with a list of rows; one of them."
        )
    conditions = []
    if settings.states:
        conditions.append(_has_state(run, settings, n_particles))
    if settings.rows is not None:
        listed = np.zeros(n_particles, dtype=bool)
        listed[read_rows(settings.rows, n_particles)] = True
        conditions.append(listed)
    conditions += [meets_condition(run, text, n_particles) for text in settings.where]
    conditions += [in_component_range(run, text, n_particles) for text in settings.pc_range]
    if settings.polygon is not None:
        conditions.append(in_polygon(run, settings.polygon, settings.plane, n_particles))
    if not conditions:
        raise InputError(
            "Expected either --states, such as --states 1,3, or --rows, --where, --pc-range or --polygon."
        )
    chosen = np.flatnonzero(np.all(conditions, axis=0) != settings.exclude)
    if len(chosen) == 0:
        raise InputError("No particle meets all conditions, so nothing is written.")
    return chosen


def _has_state(run: RunFiles, settings: SelectSettings, n_particles: int) -> np.ndarray:  # (n,) bool
    particle_states = states_of(run, settings.source, n_particles)
    present = np.unique(particle_states[particle_states > 0])
    unknown = [state for state in settings.states if state not in present]
    if unknown:
        raise InputError(
            f"There is no state {', '.join(map(str, unknown))} in {run.landscape}; the states are {', '.join(map(str, present))}. "
            "See the plots of the landscape job for what each one is."
        )
    return np.isin(particle_states, settings.states)


def _usual_target(run: RunFiles, name: str) -> Path:
    """particles.star where the landscape is linked from another job; in the same run that name holds the latents."""
    if LandscapeFiles(run.landscape).particle_states.is_symlink():
        return run.root / name
    return run.root / "selected" / name
