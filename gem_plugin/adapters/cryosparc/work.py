"""What an external job does between start and end: inputs as files, the steps, plots, outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.adapters.cryosparc.declared_early import declare_known_outputs
from gem_plugin.adapters.cryosparc.external_job import ExternalJob
from gem_plugin.adapters.cryosparc.inputs import JobFolders, image_folder, load_maps, load_particles
from gem_plugin.adapters.cryosparc.job_record import JobRecord
from gem_plugin.adapters.cryosparc.log_texts import settings_text, states_text, warnings_text
from gem_plugin.adapters.cryosparc.outputs import (
    JobOutputs,
    save_chosen,
    save_consensus,
    save_full_states,
    save_latents,
    save_refined_poses,
    save_states,
)
from gem_plugin.adapters.cryosparc.pictures import source_of_states
from gem_plugin.adapters.cryosparc.progress import CryosparcProgress
from gem_plugin.adapters.cryosparc.samples import save_samples_of_jobs
from gem_plugin.adapters.cryosparc.step_pictures import show_results_of
from gem_plugin.adapters.earlier_job import find_earlier_job, link_earlier_results
from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import read_cs_rows
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.pipeline.run_steps import check_steps, run_steps
from gem_plugin.results.expanded_particle_file import ViewsOfCryosparc
from gem_plugin.results.run import Run


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
    job: ExternalJob,
    folders: JobFolders,
    assignment: Assignment,
    progress: CryosparcProgress,
    record: JobRecord,
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
    outputs = JobOutputs(job, folders, rows, assignment.volume_slot_type)
    has_views = _will_be_views(run, rows, values)
    declare_known_outputs(outputs, assignment.outputs, assignment.values, run, has_views)
    for step in assignment.steps:
        run_steps([step], run, values, progress)
        if step == "prepare" and assignment.samples:
            save_samples_of_jobs(run, assignment.samples)
        progress.checkpoint()
        progress.log_only(settings_text(step, run, assignment.values) or f"{step} is done.")
        show_results_of(step, run, progress)
    record = replace(record, is_computed=True)
    record.save()
    send_results(job, folders, rows, record, assignment.outputs, progress)


def send_results(
    job: ExternalJob,
    folders: JobFolders,
    rows: np.ndarray,  # (n,) structured: the particles in the order of the run
    record: JobRecord,
    outputs_to_send: Sequence[str],  # names of SAVERS
    progress: CryosparcProgress,
) -> None:
    """Put what a computed run holds into CryoSPARC, as far as it is not there; needs no other step."""
    run, sent = RunFiles(folders.run), list(record.sent)

    def keep_in_mind(name: str) -> None:
        sent.append(name)
        replace(record, sent=tuple(sent)).save()

    rows, are_views = _rows_of_results(run, rows, record.is_unexpanded)
    outputs = JobOutputs(
        job,
        folders,
        rows,
        record.volume_slot_type,
        progress.track,
        are_views,
        sent=record.sent,
        on_sent=keep_in_mind,
        show_picture=progress.set_output_image,
    )
    if record.is_unexpanded:
        outputs.leave_out_symmetry()
    for what in outputs_to_send:
        SAVERS[what](outputs, run)
    source = source_of_states(outputs_to_send)
    if source is not None:
        progress.log_only(states_text(run, source))
    progress.pictures.show_story(source)
    if progress.warnings:
        progress.log_only(warnings_text(progress.warnings), "warning")
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
    """The particles in the row order of the run; the connected ones must be what that job gave out."""
    rows = rows_of_run(run)
    check_are_those_of_run(job, run, rows)
    return rows


def _will_be_views(run: RunFiles, rows: np.ndarray, values: Mapping[str, Any]) -> bool:
    """Whether the results will be of views that symmetry makes, before or after they are made."""
    if run.prepared_table.is_file():
        return _rows_of_results(run, rows, bool(values.get("unexpanded")))[1]
    return str(values.get("symmetry") or "C1").upper() != "C1"


def _rows_of_results(run: RunFiles, rows: np.ndarray, is_unexpanded: bool) -> tuple[np.ndarray, bool]:
    """The rows that results are of, and whether they are views that were made here by symmetry."""
    original = Run(run).original
    if is_unexpanded or not isinstance(original, ViewsOfCryosparc):
        return rows, False
    return original.rows_of_views(np.arange(len(original))), True


def rows_of_run(run: RunFiles) -> np.ndarray:  # (n,) structured
    """The particles of a run in its order, as they came from CryoSPARC."""
    return read_cs_rows(load_prepared_table(run)[2].particle_file)


def check_are_those_of_run(job: ExternalJob, run: RunFiles, rows: np.ndarray) -> None:
    """InputError where the connected particles are others than those whose results the run holds."""
    connected = job.load_input("particles")["uid"]
    possible = (
        rows["uid"],
        _rows_of_results(run, rows, False)[0]["uid"],
    )  # of a refinement; of an earlier job of GEM
    if not any(np.array_equal(np.sort(connected), np.sort(expected)) for expected in possible):
        raise InputError(
            f"The particles connected to {job.uid} ({len(connected)}) are not those that the run was made with "
            f"({len(rows)}). Connect the particles of the GEM job itself."
        )
