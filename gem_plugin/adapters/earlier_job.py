"""Working on the results of an earlier job: find its folder, and link its files into this job's folder.

Links, not copies: the prepared images are large. Nothing is ever written through a link, because every result
is written under a temporary name and renamed.
"""

import os
from collections.abc import Sequence, Set
from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import forget_steps, read_summary, take_over_steps
from gem_plugin.pipeline.step_table import steps_needed_by


def results_of_steps(run: RunFiles) -> dict[str, tuple[Path, ...]]:
    """The files and folders that each step leaves for later ones."""
    return {
        "prepare": (
            run.prepared_images,
            run.prepared_table,
            run.prepared_tilt_series,
            run.prepared_samples,
            run.excluded,
        ),
        "consensus": (run.consensus_gaussians, run.consensus_map),
        "train": (
            run.checkpoint,
            run.history,
            run.latents,
            run.latents_std,
            run.contrasts,
            run.outliers,
            run.refined_poses,
            run.particles(".star"),
        ),
        "landscape": (run.landscape.root, run.checks),
        "landscape-full": (run.landscape.full.root,),
    }


def find_earlier_job(run_folder: Path | None, input_particles: Path | None) -> RunFiles:
    """The folder given by --run, or else the one that holds the input particles (External/job005/particles.star)."""
    if run_folder is not None:
        folders = [run_folder]
    elif input_particles is not None:
        folders = list(input_particles.parents)
    else:
        raise InputError(
            "No earlier job was given. Give its particles.star as input, or its folder as --run External/jobNNN/."
        )
    found = next((RunFiles(folder) for folder in folders if RunFiles(folder).settings.is_file()), None)
    if found is None:
        where = run_folder or input_particles
        raise InputError(
            f"{where} does not belong to a GEM job: there is no settings.toml beside it. "
            "Give particles.star of a GEM train job as input, or that job's folder as --run External/jobNNN/."
        )
    return found


def link_earlier_results(earlier: RunFiles, run: RunFiles, steps: Sequence[str]) -> None:
    """Make the results that `steps` read appear in this job's folder; InputError when the earlier job is unfinished."""
    needed = [name for name in steps_needed_by(steps) if name in results_of_steps(run)]
    missing = [name for name in needed if name not in read_summary(earlier)]
    if missing:
        raise InputError(
            f"The job in {earlier.root} has not finished: its step '{missing[0]}' is missing. Continue that job first."
        )
    if earlier.root.resolve() == run.root.resolve():
        return
    if take_over_steps(earlier, run, needed):
        forget_steps(run, tuple(steps))  # what this job made before was made from other results
    sources, targets = results_of_steps(earlier), results_of_steps(run)
    not_needed = {path for name, paths in sources.items() if name not in needed for path in paths}
    for name in needed:
        for source, target in zip(sources[name], targets[name], strict=True):
            _link(source, target, not_needed)


def _link(source: Path, target: Path, left_out: Set[Path]) -> None:
    """Link a file, or every file below a folder; what this job wrote itself stays."""
    if source in left_out:
        return
    if source.is_dir():
        for child in sorted(source.iterdir()):
            _link(child, target / child.name, left_out)
        return
    if not source.exists() or (target.exists() and not target.is_symlink()):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(os.path.relpath(source.resolve(), target.parent.resolve()))
