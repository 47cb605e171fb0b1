"""All or chosen particles of a run as a file of the program that they came from, with their latents."""

from pathlib import Path

import numpy as np

from gem_plugin.io.array_files import read_rows
from gem_plugin.io.new_files import check_nothing_is_lost
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
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
) -> tuple[list[Path], int]:  # the files written, the number of particles
    """Rows as in the original; InputError where the particles are those of the other program."""
    run = Run(files)
    original = run.original
    original.check_is_written_by(command, files)
    target = out or usual_target(run, rows_file is None and with_latents)
    if out is not None or target != files.particles(original.suffix):
        inputs = [*original.input_files, *([] if rows_file is None else [rows_file])]
        check_nothing_is_lost(original.files_of(target), overwrite, inputs)
    with progress.waiting(f"writing {target.name}"):
        rows = None if rows_file is None else read_rows(rows_file, len(original))
        columns = original.latent_columns(run.latents) if with_latents else None
        # a plain subset differs from the original by missing rows only
        written = original.write(target, rows, columns, title, made_by=files if with_latents else None)
    return written, len(original) if rows is None else len(rows)


def usual_target(run: Run, is_all_with_latents: bool) -> Path:
    """The run's own particle file, which always holds all particles with their latents, or another for anything else."""
    suffix = run.original.suffix
    return run.files.particles(suffix) if is_all_with_latents else run.files.selected(suffix)


def write_latents(files: RunFiles, latents: np.ndarray) -> None:  # (n, latent_size), in the order of the run
    """particles.star or particles.cs in the run: the input rows with the latents; for the step that makes them."""
    original = Run(files).original
    target, columns = files.particles(original.suffix), original.latent_columns(latents)
    original.write(target, None, columns, description="with the latents of GEM", made_by=files)
