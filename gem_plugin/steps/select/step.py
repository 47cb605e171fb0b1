"""select: the particles of states, ranges, polygons and other conditions as one star or cs file, rows verbatim."""

from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_rows
from gem_plugin.io.new_files import check_nothing_is_lost
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import note
from gem_plugin.particles.pose_columns import ChangedPoses
from gem_plugin.progress import Progress
from gem_plugin.results.refined_poses import changed_poses
from gem_plugin.results.run import Run
from gem_plugin.results.state_sources import COLUMN_OF_SOURCE
from gem_plugin.results.unexpanded import ParticleRows, particles_of_views, with_enough_views
from gem_plugin.steps.select.conditions import in_component_range, in_polygon, meets_condition
from gem_plugin.steps.select.settings import SelectSettings


def run_select(files: RunFiles, settings: SelectSettings, progress: Progress) -> dict[str, Any]:
    """Write the particles that meet every condition; nothing of the original file changes but the missing rows."""
    run = Run(files)
    n_particles = len(run.particles)
    out = settings.out or _usual_target(run)
    run.original.check_target(out)
    is_replaced = settings.overwrite or (settings.out is None and _is_job_of_its_own(run))
    read = [path for path in (settings.rows, settings.polygon) if path is not None]
    check_nothing_is_lost(run.original.files_of(out), is_replaced, [*run.original.input_files, *read])
    poses = poses_written(run, settings)  # refused before any work where there are none
    with progress.waiting("conditions"):
        chosen = rows_chosen(run, settings)
        written = particles_written(run, chosen, settings)
    if settings.rows is None and len(run.excluded):
        progress.say(f"The {len(run.excluded)} excluded particles (excluded.csv) are never chosen.")
    _say_how_many_outliers(run, chosen, progress)
    if settings.states:
        progress.say(which_states(run, settings.source))
        progress.say(run.checks.in_words(settings.states, settings.source))
    with progress.waiting(f"writing {out.name}"):
        columns = None if poses is None else written.file.pose_columns(poses)
        title, description = "Particles chosen by GEM", "chosen by GEM"
        written.file.write(out, written.rows, columns, title, description)
    n_written = len(written.rows)
    n_all = len(np.unique(run.particles.particle_indices)) if settings.unexpanded else n_particles
    progress.say(f"{n_written} of {n_all} {_kind_of_rows(run, settings)} written to {out}")
    return {"particles": n_written, "of": n_all, "file": str(out)}


def poses_written(run: Run, settings: SelectSettings) -> ChangedPoses | None:
    """The refined poses where they are requested; InputError where there are none, or views would become particles."""
    if not settings.refined_poses:
        return None
    if settings.unexpanded:
        raise InputError(
            "--refined-poses gives every view a pose of its own, and --unexpanded writes one pose for each particle. Give one of "
            "them: particles in the poses of the input, or views in refined poses."
        )
    return changed_poses(run)


def _say_how_many_outliers(run: Run, chosen: np.ndarray, progress: Progress) -> None:
    if n_outliers := int(run.is_outlier[chosen].sum()):
        progress.say(
            f"{n_outliers:,} of the {len(chosen):,} chosen particles are outliers (column outlier above 0.5); add the condition "
            '"outlier le 0.5" to --where to leave them out.'
        )


def particles_written(run: Run, chosen: np.ndarray, settings: SelectSettings) -> ParticleRows:
    """The chosen rows, or with --unexpanded one for each of their particles; says where poses are those of copies."""
    if not settings.unexpanded:
        return ParticleRows(run.original, chosen, True)
    written = particles_of_views(run, chosen)
    if not written.are_original:
        note(
            f"{run.origin.particle_file} lacks the original rows of some particles, so that the first copy of each is written: its "
            "pose is that of the particle only as far as the map is symmetric. Refine them with the symmetry first."
        )
    return written


def _kind_of_rows(run: Run, settings: SelectSettings) -> str:
    has_views = len(np.unique(run.particles.particle_indices)) < len(run.particles)
    return "views" if has_views and not settings.unexpanded else "particles"


def rows_chosen(run: Run, settings: SelectSettings) -> np.ndarray:  # (k,) int64
    """The rows that meet all conditions, or with --exclude all others.

    Particles that prepare excluded are not among them, unless rows are listed.
    """
    if settings.states and settings.rows is not None:
        raise InputError(
            "Expected either --states, such as --states 1,3, or --rows with a list of rows, not both."
        )
    conditions = []
    if settings.states:
        states = run.states(settings.source)
        states.check_there_is(*settings.states)
        conditions.append(np.isin(states.labels, settings.states))
    if settings.rows is not None:
        listed = np.zeros(run.n_particles, dtype=bool)
        listed[read_rows(settings.rows, run.n_particles)] = True
        conditions.append(listed)
    conditions += [meets_condition(run, text) for text in settings.where]
    conditions += [in_component_range(run, text) for text in settings.pc_range]
    if settings.polygon is not None:
        conditions.append(in_polygon(run, settings.polygon, settings.plane))
    if not conditions:
        raise InputError(
            "Expected either --states, such as --states 1,3, or --rows, --where, --pc-range or --polygon."
        )
    meets = np.all(conditions, axis=0) != settings.exclude
    if settings.rows is None:
        meets &= run.is_used
    chosen = np.flatnonzero(meets)
    if len(chosen) == 0:
        raise InputError("No particle meets all conditions, so nothing is written.")
    if settings.unexpanded or settings.min_subunits > 1:
        _check_views(run, settings)
        return with_enough_views(run.particles, chosen, settings.min_subunits)
    return chosen


def _check_views(run: Run, settings: SelectSettings) -> None:
    """Both settings would do nothing to particles with one view each."""
    if len(np.unique(run.particles.particle_indices)) < len(run.particles):
        return
    flag = "--unexpanded" if settings.unexpanded else "--min-subunits"
    raise InputError(
        f"{flag} is for particles with several views (gem-em run --symmetry, or a file expanded by symmetry), but every "
        "particle of this run has one. Leave it out."
    )


def which_states(run: Run, source: str) -> str:
    """A sentence on the set of states that was meant, and the others that there are."""
    text = f"States of {source} (column {COLUMN_OF_SOURCE[source]})"
    others = [
        f"--from {other} (column {COLUMN_OF_SOURCE[other]})" for other in run.state_sources if other != source
    ]
    if not others:
        return f"{text}."
    return f"{text}. This run has other states too: {', '.join(others)}."


def _usual_target(run: Run) -> Path:
    """particles.star where the landscape is linked from another job; in the same run that name holds the latents."""
    suffix = run.original.suffix
    return run.files.particles(suffix) if _is_job_of_its_own(run) else run.files.selected(suffix)


def _is_job_of_its_own(run: Run) -> bool:
    """Whether this folder holds nothing but a selection; continued with other states, its particles are others."""
    return run.files.landscape.particle_states.is_symlink()
