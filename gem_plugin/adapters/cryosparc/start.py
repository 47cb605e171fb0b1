"""From a command line to a running external job: log in, check, create or take up the job, connect, do the work."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gem_plugin.adapters.cryosparc.addresses import name_in_project
from gem_plugin.adapters.cryosparc.client import connect_to_cryosparc
from gem_plugin.adapters.cryosparc.client_errors import AbsentError
from gem_plugin.adapters.cryosparc.continuing import with_command_to_continue
from gem_plugin.adapters.cryosparc.external_job import ExternalJob
from gem_plugin.adapters.cryosparc.inputs import (
    RUN_FOLDER_NAME,
    JobFolders,
    create_connected_job,
    find_folders,
    find_input,
    scratch_run_folder,
)
from gem_plugin.adapters.cryosparc.job_record import JobRecord, read_record
from gem_plugin.adapters.cryosparc.jobs import CryosparcJob
from gem_plugin.adapters.cryosparc.progress import CryosparcProgress
from gem_plugin.adapters.cryosparc.project import CryosparcProject, SourceOutput
from gem_plugin.adapters.cryosparc.running_job import STATUSES_OF_A_LIVE_JOB, RunningJob, running_job
from gem_plugin.adapters.cryosparc.samples import named_jobs, uids_of_samples
from gem_plugin.adapters.cryosparc.work import Assignment, do_work
from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.lock import locked_run
from gem_plugin.notices import listening
from gem_plugin.pipeline.settings_of_steps import fields_of_steps
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.results.cryosparc_source import CryosparcSource, write_cryosparc_source

DEFAULT_VOLUME_SLOT_TYPE = "blob"
SECONDS_FOR_THE_LOG_OF_A_FAILURE = 10.0  # the reason of the failure is reported apart from it


@dataclass(frozen=True)
class JobOrder:
    """One external job as it was asked for."""

    job: CryosparcJob
    values: dict[str, Any]  # settings that were given
    inputs: dict[str, str]  # particle, volume, mask -> "J42" or "J42.name"
    earlier_job: str | None  # the GEM job whose results are used, such as J50
    project: str
    workspace: str
    url: str | None
    title: str | None
    scratch: Path | None
    resume_file: Path | None
    timeout_in_seconds: int
    name: str = ""  # of the kind of job: run, train, ...
    command: tuple[str, ...] = ()  # as it was typed


def start_job(order: JobOrder) -> ExternalJob:
    """Do one external job; every check that needs no job is made before there is one."""
    steps = [step for step in order.job.steps if STEPS[step].is_there]
    _check_settings(steps, order.values)
    connection = connect_to_cryosparc(order.url, order.timeout_in_seconds)
    with contextlib.closing(connection):
        return _start_in_project(CryosparcProject(connection, order.project), order, steps)


def _start_in_project(project: CryosparcProject, order: JobOrder, steps: list[str]) -> ExternalJob:
    project.folder()
    jobs = named_jobs(order.inputs["particle"], order.project)
    samples = {name: find_input(project, job, "particle") for name, job in jobs.items()}
    first = next(iter(samples.values()))
    sources = {
        kind: first
        if kind == "particle"
        else find_input(project, name_in_project(named, order.project), kind)
        for kind, named in order.inputs.items()
    }
    more = list(samples.values())[1:]
    uids = uids_of_samples(project, samples) if len(samples) > 1 else {}
    earlier_run = _earlier_run(project, order)
    earlier = read_record(order.resume_file, order.project)
    slot_type = _volume_slot_type(project, order, sources)
    counts = [one.n_rows for one in samples.values()]
    n_particles = sum(counts) if all(counts) else 0
    assignment = Assignment(steps, order.job.outputs, order.values, earlier_run, slot_type, n_particles, uids)
    with with_command_to_continue() as continuing:
        job = _take_up(project, earlier) or _create(project, order, sources, more, earlier)
        with running_job(job) as running:
            folders = _folders(job, order, earlier)
            record = _record(project, order, job, folders, sources, more, slot_type, steps)
            with locked_run(RunFiles(folders.run)):
                record.save(order.resume_file)
                continuing.is_about(record)
                _note_source(record, (job.uid, *jobs.values()))
                _work(job, folders, assignment, record, running)
    return job


def _work(
    job: ExternalJob, folders: JobFolders, assignment: Assignment, record: JobRecord, running: RunningJob
) -> None:
    progress = CryosparcProgress(RunFiles(folders.run), job, running.check_stop)
    try:
        progress.say(f"{record.project}-{job.uid}: working in {folders.run}")
        with listening(progress.hear):
            do_work(job, folders, assignment, progress, record)
    except BaseException:
        progress.sender.end(SECONDS_FOR_THE_LOG_OF_A_FAILURE)
        raise
    job.status()  # waits for the server, where it is away
    progress.sender.end()


def _record(
    project: CryosparcProject,
    order: JobOrder,
    job: ExternalJob,
    folders: JobFolders,
    sources: dict[str, SourceOutput],
    more: list[SourceOutput],
    slot_type: str,
    steps: list[str],
) -> JobRecord:
    return JobRecord(
        project=order.project,
        job=job.uid,
        run_folder=folders.run,
        workspace=order.workspace,
        url=project.connection.url,
        name=order.name,
        title=order.title or order.job.title,
        inputs={kind: f"{one.job_uid}.{one.name}" for kind, one in sources.items()},
        more_particles=tuple(f"{one.job_uid}.{one.name}" for one in more),
        volume_slot_type=slot_type,
        is_unexpanded=bool(order.values.get("unexpanded")),
        steps=tuple(steps),
        command=order.command,
        folder_of_command=str(Path.cwd()),
    )


def _note_source(record: JobRecord, sources: tuple[str, ...]) -> None:
    write_cryosparc_source(
        RunFiles(record.run_folder), CryosparcSource(record.project, record.workspace, sources)
    )


def _check_settings(steps: list[str], values: dict[str, Any]) -> None:
    for step in steps:
        known = set(fields_of_steps([step]))
        given = {name: value for name, value in values.items() if name in known}
        STEPS[step].check_settings(STEPS[step].settings_class(**given))


def _earlier_run(project: CryosparcProject, order: JobOrder) -> Path | None:
    """The run folder of the GEM job to go on from: in its job directory, or where it worked without one."""
    if order.earlier_job is None:
        return None
    uid = name_in_project(order.earlier_job, order.project).partition(".")[0]
    candidates = [
        project.folder_of(uid) / RUN_FOLDER_NAME,
        scratch_run_folder(order.scratch, order.project, uid),
    ]
    found = next((folder for folder in candidates if RunFiles(folder).settings.is_file()), None)
    if found is None:
        raise InputError(
            f"The files of {uid} were not found in {candidates[0]} or {candidates[1]}. "
            f"Is it a finished GEM {order.job.continues} job? Start where its folder is mounted, or with the same --scratch."
        )
    return found


def _take_up(project: CryosparcProject, record: JobRecord | None) -> ExternalJob | None:
    """The job of the last start, if it is still alive in CryoSPARC (the machine failed, or the queue killed us)."""
    if record is None:
        return None
    try:
        status = project.status_of(record.job)
    except AbsentError:
        return None  # deleted there since, beyond a trace
    if status not in STATUSES_OF_A_LIVE_JOB:
        return None
    return ExternalJob(project, project.find_external_job(record.job))


def _create(
    project: CryosparcProject,
    order: JobOrder,
    sources: dict[str, SourceOutput],
    more_particles: list[SourceOutput],
    record: JobRecord | None,
) -> ExternalJob:
    text = order.job.help + (f" Continues the work of {record.job}." if record is not None else "")
    title = order.title or order.job.title
    return create_connected_job(project, order.workspace, title, text, sources.values(), more_particles)


def _folders(job: ExternalJob, order: JobOrder, record: JobRecord | None) -> JobFolders:
    """Where to work; the work of an interrupted job goes on in its folder."""
    folders = find_folders(job, order.scratch)
    if record is None or record.run_folder == folders.run:
        return folders
    if not folders.run.exists():  # so that later jobs find the work through this job's directory
        folders.run.parent.mkdir(parents=True, exist_ok=True)
        folders.run.symlink_to(record.run_folder)
    return JobFolders(record.run_folder, folders.job, folders.project)


def _volume_slot_type(project: CryosparcProject, order: JobOrder, sources: dict[str, SourceOutput]) -> str:
    """What this instance calls the type of a map: copied from the connected one, or from one of the earlier job."""
    if "volume" in sources:
        return sources["volume"].slots["map"]
    earlier = name_in_project(order.earlier_job, order.project) if order.earlier_job else ""
    outputs = project.outputs_of(earlier.partition(".")[0]) if earlier else {}
    types = [one.slots["map"] for one in outputs.values() if one.kind == "volume" and "map" in one.slots]
    return types[0] if types else DEFAULT_VOLUME_SLOT_TYPE
