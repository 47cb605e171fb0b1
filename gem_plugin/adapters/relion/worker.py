"""The working half of an External job: reads the command line, does the steps, leaves the node list.

Started by external_job.py as `python -m gem_plugin.adapters.relion.worker NAME ARGUMENTS`; its exit code says how it went.
"""

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

from gem_plugin.adapters.earlier_job import find_earlier_job, link_earlier_results
from gem_plugin.adapters.relion.arguments import (
    JobArguments,
    output_folder,
    parse_job_arguments,
    threads_wanted,
)
from gem_plugin.adapters.relion.earlier_nodes import forget_missing_nodes
from gem_plugin.adapters.relion.jobs import JOBS, RelionJob
from gem_plugin.adapters.relion.output_nodes import write_output_nodes
from gem_plugin.adapters.relion.run_nodes import nodes_of_run, with_telling_names
from gem_plugin.adapters.relion.watcher import JobEnd, write_exit_file
from gem_plugin.cli.outcome import FAILURE, SUCCESS, exit_code_of
from gem_plugin.errors import RunError, StopRequestedError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.operating_system import n_processors
from gem_plugin.pipeline.logged_progress import LoggedProgress
from gem_plugin.pipeline.run_steps import run_steps
from gem_plugin.pipeline.settings_of_steps import fields_of_steps
from gem_plugin.settings import flag_of


class StopWatch:
    """Knows whether this process should stop: SIGTERM came, or the watcher is gone."""

    def __init__(self) -> None:
        self.watcher = os.getppid()
        self.is_asked = False
        signal.signal(signal.SIGTERM, self._remember)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.is_asked = True

    @property
    def is_alone(self) -> bool:
        return os.getppid() != self.watcher

    def check(self) -> None:
        """Raise when the work is to end; called by every long loop."""
        if self.is_asked or self.is_alone:
            raise StopRequestedError(
                "the job was asked to stop. Finished parts are kept; Continue resumes from there."
            )


def main() -> None:
    """Do the job named by the first argument."""
    name, arguments = sys.argv[1], sys.argv[2:]
    stop = StopWatch()
    try:
        code = exit_code_of(lambda: work(name, arguments, stop))
    except Exception:  # an error of ours, shown in full: the exit code is what the watcher needs
        traceback.print_exc()
        code = FAILURE
    folder = output_folder(arguments)
    if stop.is_alone and folder is not None:
        write_exit_file(folder, JobEnd.SUCCESS if code == SUCCESS else JobEnd.FAILURE)
    sys.exit(code)


def work(name: str, arguments: Sequence[str], stop: StopWatch) -> None:
    """Parse, do the steps of the job, then leave the node list."""
    job = JOBS[name]
    if "--help" in arguments:
        print(help_text(name, job))
        return
    request = parse_job_arguments(arguments, fields_of_steps(job.steps), job.needs_earlier_job)
    run = RunFiles(request.folder)
    progress = LoggedProgress(run.log, check_stop=stop.check)
    for remark in (*request.remarks, *_remarks_on_threads(threads_wanted(arguments))):
        progress.say(remark)
    with listening(progress.hear):
        _take_earlier_results(job, request, run)
        run_steps(job.steps, run, request.values, progress)
        _write_references(run, progress)
        _forget_missing_nodes(run, progress)
    write_output_nodes(run.root, with_telling_names(run, nodes_of_run(run)))
    progress.say(f"Finished. Results are in {run.root}")


def _remarks_on_threads(n_threads: int) -> list[str]:
    """RELION's form has 1 thread unless it is changed, on a machine with many cores too."""
    n_cores = n_processors()
    if n_threads >= n_cores:
        return []
    return [
        f"Using {n_threads} of the {n_cores} cores that this job may use: Number of threads in the Running tab."
    ]


def _write_references(run: RunFiles, progress: LoggedProgress) -> None:
    """Maps of the states that RELION can refine against, where this job made states."""
    from gem_plugin.results.references import write_state_references  # late: it imports torch

    write_state_references(run, progress)


def _forget_missing_nodes(run: RunFiles, progress: LoggedProgress) -> None:
    """Outputs of an earlier start that this one does not have, such as a third state."""
    try:
        forgotten = forget_missing_nodes(run.root)
    except (OSError, RunError) as error:
        progress.say(f"WARNING: RELION may list outputs of this job that are no more ({error}).")
        return
    if forgotten:
        progress.say(f"Outputs of an earlier start that are no more: {', '.join(forgotten)}")


def help_text(name: str, job: RelionJob) -> str:
    """Every option of a job with its meaning, for --help."""
    fields = fields_of_steps(job.steps).values()
    lines = [
        f"  --{field.name}  {field.metadata.get('help', '')} [{flag_of(field)} of gem-em]" for field in fields
    ]
    return "\n".join([f"gem-external-{name} --o External/jobNNN/ [options]", "", job.help, "", *lines])


def _take_earlier_results(job: RelionJob, request: JobArguments, run: RunFiles) -> None:
    if job.needs_earlier_job:
        link_earlier_results(find_earlier_job(request.run, request.input_particles), run, job.steps)


if __name__ == "__main__":
    main()
