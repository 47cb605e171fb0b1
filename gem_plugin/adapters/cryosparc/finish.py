"""gem-cryosparc-finish: send the results of a computed job that CryoSPARC does not have yet, however the job ended.

Where the external job is still open it is taken up; where it failed, was killed or deleted there is a new one with the same inputs,
as CryoSPARC takes no outputs after the end. Nothing is computed.
"""

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from gem_plugin.adapters.cryosparc.client import connect_to_cryosparc
from gem_plugin.adapters.cryosparc.client_errors import AbsentError
from gem_plugin.adapters.cryosparc.continuing import with_command_to_continue
from gem_plugin.adapters.cryosparc.external_job import ExternalJob
from gem_plugin.adapters.cryosparc.inputs import (
    RUN_FOLDER_NAME,
    JobFolders,
    create_connected_job,
    find_input,
    mounted_folder,
)
from gem_plugin.adapters.cryosparc.job_record import PROGRAM, JobRecord, find_record
from gem_plugin.adapters.cryosparc.jobs import JOBS
from gem_plugin.adapters.cryosparc.progress import CryosparcProgress
from gem_plugin.adapters.cryosparc.project import CryosparcProject
from gem_plugin.adapters.cryosparc.running_job import STATUSES_OF_A_LIVE_JOB, failure_sentence, running_job
from gem_plugin.adapters.cryosparc.work import check_are_those_of_run, rows_of_run, send_results
from gem_plugin.cli.outcome import FAILURE, exit_code_of
from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.lock import locked_run
from gem_plugin.notices import listening

COMPLETED = "completed"


def finish_main() -> None:
    """gem-cryosparc-finish"""
    sys.exit(run_finish(sys.argv[1:]))


def run_finish(arguments: Sequence[str]) -> int:
    """Do what the command line says; gives the exit code, with every expected error as one message."""
    try:
        return exit_code_of(
            lambda: finish_command.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
        )
    except Exception as error:  # unforeseen; the traceback is in the job's log
        print(f"Error: {failure_sentence(error)} The log of the job has the details.", file=sys.stderr)
        return FAILURE


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Send the results of a GEM job to CryoSPARC, where the job ended before all of them were there: the server was away, "
    "or the process was killed. JOBFOLDER is the directory of the job, such as /data/P3/J43, or its working folder.",
)
@click.argument("job_folder", metavar="JOBFOLDER", type=click.Path(path_type=Path))
@click.option("--url", help="Address of CryoSPARC, where it is another one than at the start.")
@click.option(
    "--timeout", type=int, default=300, help="Seconds to wait for an answer of CryoSPARC; default 300."
)
def finish_command(job_folder: Path, url: str | None, timeout: int) -> None:
    print(finish(job_folder, url, timeout), flush=True)  # the last line, for scripts


def finish(job_folder: Path, url: str | None = None, timeout_in_seconds: int = 300) -> str:
    """Send what is missing and mark the job as completed; gives the number of the job, such as J43.

    InputError where the computing is not finished: its message ends with the command that resumes it.
    """
    record = find_record(job_folder, RUN_FOLDER_NAME)
    with locked_run(RunFiles(record.run_folder)):  # nobody else works there
        if not record.is_computed:
            raise InputError(
                f"The work in {record.run_folder} is not finished, so there is nothing to send yet. Resume it with:\n"
                f"{record.command_to_resume}"
            )
        connection = connect_to_cryosparc(url or record.url or None, timeout_in_seconds)
        with contextlib.closing(connection):
            return _send(CryosparcProject(connection, record.project), record)


def _send(project: CryosparcProject, record: JobRecord) -> str:
    status = _status_of(project, record.job)
    if status == COMPLETED:
        print(f"{record.project}-{record.job} is complete; nothing is missing.", flush=True)
        return record.job
    with with_command_to_continue() as continuing:
        continuing.is_about(record)
        if status in STATUSES_OF_A_LIVE_JOB:
            job = ExternalJob(project, project.find_external_job(record.job))
        else:
            job = _new_job(project, record, status)
            record = replace(record, job=job.uid, sent=())
        with running_job(job) as running:
            record.save()
            _send_in_job(job, record, running.check_stop)
    return job.uid


def _send_in_job(job: ExternalJob, record: JobRecord, check_stop) -> None:  # type: ignore[no-untyped-def]
    run = RunFiles(record.run_folder)
    folder = mounted_folder(job)
    folders = JobFolders(record.run_folder, folder, job.project.folder() if folder is not None else None)
    rows = rows_of_run(run)
    check_are_those_of_run(job, run, rows)
    progress = CryosparcProgress(run, job, check_stop)
    try:
        with listening(progress.hear):
            send_results(job, folders, rows, record, JOBS[record.name].outputs, progress)
    finally:
        progress.sender.end()


def _status_of(project: CryosparcProject, job_uid: str) -> str:
    try:
        return project.status_of(job_uid)
    except AbsentError:
        return "deleted"


def _new_job(project: CryosparcProject, record: JobRecord, status: str) -> ExternalJob:
    sources = {kind: find_input(project, named, kind) for kind, named in record.inputs.items()}
    more = [find_input(project, named, "particle") for named in record.more_particles]
    text = f"Results of {record.job}, which is {status} in CryoSPARC. Nothing was computed again."
    return create_connected_job(project, record.workspace, record.title, text, sources.values(), more)


if (
    __name__ == "__main__"
):  # python -m gem_plugin.adapters.cryosparc.finish, where no console script is at hand
    finish_main()
