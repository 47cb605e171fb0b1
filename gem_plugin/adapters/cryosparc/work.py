"""What an external job does between start and end: inputs as files, the steps, plots, outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gem_plugin.adapters.cryosparc.external_job import ExternalJob
from gem_plugin.adapters.cryosparc.figures import latent_figure, map_figure
from gem_plugin.adapters.cryosparc.inputs import JobFolders, image_folder, load_maps, load_particles
from gem_plugin.adapters.cryosparc.outputs import (
    JobOutputs,
    save_chosen,
    save_consensus,
    save_full_states,
    save_latents,
    save_refined_poses,
    save_states,
)
from gem_plugin.adapters.cryosparc.progress import CryosparcProgress
from gem_plugin.adapters.cryosparc.samples import save_samples_of_jobs
from gem_plugin.adapters.earlier_job import find_earlier_job, link_earlier_results
from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import read_cs_rows
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.pipeline.run_steps import check_steps, run_steps
from gem_plugin.results.checks import RunChecks
from gem_plugin.results.expanded_particle_file import ViewsOfCryosparc
from gem_plugin.results.run import Run
from gem_plugin.results.state_sources import FULL, SKETCH


@dataclass(frozen=True)
class Assignment:
    """One external job's work."""

    steps: Sequence[str]
    outputs: Sequence[str]  # names of SAVERS
    values: dict[str, Any]  # settings that were given
    earlier_run: Path | None  # the run folder of the job that this one continues
    volume_slot_type: str
    n_particles: int = 0  # that the connected jobs promise; 0 where they do not say
    samples: Mapping[str, np.ndarray] = field(default_factory=dict)  # uids by name, of several connected jobs


def do_work(
    job: ExternalJob, folders: JobFolders, assignment: Assignment, progress: CryosparcProgress
) -> None:
    """Everything, in a job that is running."""
    run = RunFiles(folders.run)
    if assignment.earlier_run is None:
        rows = load_particles(job, folders, progress)
        _check_all_arrived(len(rows), assignment.n_particles)
        values = {**assignment.values, **load_maps(job, folders)}
        values |= {"particles": folders.particles_file, "project_folder": image_folder(folders)}
    else:
        link_earlier_results(find_earlier_job(assignment.earlier_run, None), run, assignment.steps)
        rows = _rows_of_earlier_run(job, run)
        values = {**assignment.values, **load_maps(job, folders)}
    check_steps(assignment.steps, run, values, progress)
    for step in assignment.steps:
        run_steps([step], run, values, progress)
        if step == "prepare" and assignment.samples:
            save_samples_of_jobs(run, assignment.samples)
        progress.checkpoint()
        progress.show_new_figures()
        _show_results_of(step, run, progress)
    is_unexpanded = bool(assignment.values.get("unexpanded"))
    rows, are_views = _rows_of_results(run, rows, is_unexpanded)
    outputs = JobOutputs(job, folders, rows, assignment.volume_slot_type, progress.track, are_views)
    if is_unexpanded:
        outputs.leave_out_symmetry()
    for what in assignment.outputs:
        SAVERS[what](outputs, run)
    progress.say(f"Finished. All files are in {run.root}")


SAVERS = {
    "latents": save_latents,
    "refined": save_refined_poses,
    "consensus": save_consensus,
    "states": save_states,
    "full-states": save_full_states,
    "chosen": save_chosen,
}


def _check_all_arrived(n_rows: int, n_promised: int) -> None:
    """CryoSPARC joins particles and passthrough files, and leaves out rows without a partner in silence."""
    if n_promised and n_rows != n_promised:
        raise InputError(
            f"The connected job has {n_promised} particles, CryoSPARC gave {n_rows} of them: the others have no row in "
            "its passthrough files. Clear that job and run it again, or connect the particles of an earlier one."
        )


def _rows_of_earlier_run(job: ExternalJob, run: RunFiles) -> np.ndarray:  # (n,) structured
    """The particles in the row order of the run; the connected ones must be the same."""
    rows = read_cs_rows(load_prepared_table(run)[2].particle_file)
    connected = job.load_input("particles")["uid"]
    expected = _rows_of_results(run, rows, False)[0]["uid"]  # what that job gave out
    if not np.array_equal(np.sort(connected), np.sort(expected)):
        raise InputError(
            f"The particles connected to {job.uid} ({len(connected)}) are not those that the run was made with "
            f"({len(expected)}). Connect the particles of the GEM job itself."
        )
    return rows


def _rows_of_results(run: RunFiles, rows: np.ndarray, is_unexpanded: bool) -> tuple[np.ndarray, bool]:
    """The rows that results are of, and whether they are views that were made here by symmetry."""
    original = Run(run).original
    if is_unexpanded or not isinstance(original, ViewsOfCryosparc):
        return rows, False
    return original.rows_of_views(np.arange(len(original))), True


def _show_results_of(step: str, run: RunFiles, progress: CryosparcProgress) -> None:
    """What a step found, in the log as soon as it is there; the newest is the picture of the job in the workspace."""
    figure: Figure | None = None
    if step == "consensus" and run.consensus_map.is_file():
        figure, text = map_figure([run.consensus_map], ["consensus"]), "Consensus map"
    elif step in ("train", "select") and run.latents.is_file():
        figure, text = (
            latent_figure(np.load(run.latents, allow_pickle=False)),
            "Particles in the latent space",
        )
    elif step in ("landscape", "landscape-full"):
        files = run.landscape.full.states if step == "landscape-full" else run.landscape.states
        numbers = files.numbers_with_maps()
        checks, source = RunChecks.load(run), FULL if step == "landscape-full" else SKETCH
        means = [files.mean(number) for number in numbers]
        titles = [f"state {number}, {checks.badge(number, source)}" for number in numbers]
        figure, text = (map_figure(means, titles) if means else None), "Mean maps of the states"
    if figure is not None:
        progress.show(figure, text)
        progress.set_tile(figure)
