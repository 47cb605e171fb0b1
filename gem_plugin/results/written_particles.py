"""All or chosen particles of a run as a file of the program that they came from, with their latents."""

from pathlib import Path

import numpy as np

from gem_plugin.io.array_files import read_rows
from gem_plugin.io.new_files import check_nothing_is_lost
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.refined_poses import changed_poses
from gem_plugin.results.run import Run


def write_particles_of_run(
    files: RunFiles,
    command: str,  # write-star or write-cs
    rows_file: Path | None,  # default: all
    out: Path
    | None,  # default: the run's own particles.star or .cs, made anew; others in the folder selected
    with_latents: bool,
    progress: Progress,
    title: str = "GEM particles",
    overwrite: bool = False,
    refined_poses: bool = False,  # in place of those of the file, with the sizes of the changes
) -> tuple[list[Path], int]:  # the files written, the number of particles
    """Rows as in the original; InputError where the particles are those of the other program."""
    run = Run(files)
    original = run.original
    original.check_is_written_by(command, files)
    poses = changed_poses(run, True, _n_latents(run, with_latents)) if refined_poses else None
    target = out or usual_target(run, rows_file is None and with_latents, refined_poses)
    own = (files.particles(original.suffix), files.refined_particles(original.suffix))
    if out is not None or target not in own:
        inputs = [*original.input_files, *([] if rows_file is None else [rows_file])]
        check_nothing_is_lost(original.files_of(target), overwrite, inputs)
    with progress.waiting(f"writing {target.name}"):
        rows = None if rows_file is None else read_rows(rows_file, len(original))
        columns = original.latent_columns(run.latents) if with_latents else {}
        columns |= {} if poses is None else original.pose_columns(poses)
        # a plain subset differs from the original by missing rows only
        written = original.write(target, rows, columns, title, made_by=files if columns else None)
    return written, len(original) if rows is None else len(rows)


def usual_target(run: Run, is_all_with_latents: bool, has_refined_poses: bool = False) -> Path:
    """The run's own particle file, which always holds all particles with their latents, or another for anything else."""
    suffix = run.original.suffix
    if not is_all_with_latents:
        return run.files.selected(suffix)
    return run.files.refined_particles(suffix) if has_refined_poses else run.files.particles(suffix)


def write_latents(files: RunFiles, latents: np.ndarray) -> None:  # (n, latent_size), in the order of the run
    """particles.star or particles.cs in the run: the input rows with the latents; for the step that makes them."""
    original = Run(files).original
    target, columns = files.particles(original.suffix), original.latent_columns(latents)
    original.write(target, None, columns, description="with the latents of GEM", made_by=files)


def write_refined_particles(files: RunFiles) -> list[Path]:
    """particles_refined.star or .cs (with .csg): as particles.star or .cs, with the poses that training refined.

    Columns with the size of each change (degrees, Angstrom) follow the latents. Gives the files written. Where training
    refined no poses nothing is written, and such files of an earlier training are removed.
    """
    run = Run(files)
    original = run.original
    target = files.refined_particles(original.suffix)
    if not files.refined_poses.is_file():
        for path in original.files_of(target):
            path.unlink(missing_ok=True)
        return []
    latents = run.latents_if_there
    columns = {} if latents is None else original.latent_columns(latents)
    columns |= original.pose_columns(changed_poses(run, True, _n_latents(run, latents is not None)))
    return original.write(target, None, columns, description="with the refined poses of GEM", made_by=files)


def _n_latents(run: Run, are_written: bool) -> int:
    return run.latents.shape[1] if are_written else 0
