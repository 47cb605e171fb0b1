"""The external jobs: gem-cryosparc-run, -train, -landscape, -landscape-full and -select. What each does is one table.

The last line that each prints is the number of its job. Errors are one sentence on stderr, and an exit code.

CryoSPARC cannot queue external jobs: these commands run where they are started, in a shell or in a job of a queue.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gem_plugin.adapters.cryosparc.addresses import find_place
from gem_plugin.adapters.cryosparc.jobs import JOBS, CryosparcJob
from gem_plugin.cli.options import click_options
from gem_plugin.cli.outcome import FAILURE, SUCCESS, exit_code_of
from gem_plugin.cli.waiting_threads import let_waiting_threads_sleep
from gem_plugin.notices import listening
from gem_plugin.pipeline.settings_of_steps import fields_of_steps
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.progress import Progress

SETTINGS_FROM_CONNECTIONS = (
    *("particles", "samples", "map", "mask", "pixel_size", "out", "outdir"),
    *("project_folder", "datadir", "strip_prefix"),
)
COMMON_OPTIONS = (
    ("--project", False, str, "The project, such as P3; default: that of the address or of the named job."),
    (
        "--workspace",
        False,
        str,
        "The workspace to put the job into, such as W1; default: that of the address.",
    ),
    ("--url", False, str, "Address of CryoSPARC, as in the browser; default: CRYOSPARC_BASE_URL."),
    ("--title", False, str, "Title of the job; default: the name of the step."),
    (
        "--scratch",
        False,
        Path,
        "Working folder; default: the job directory where it is mounted, else the current folder.",
    ),
    (
        "--resume-file",
        False,
        Path,
        "File that records the job: run the same command again to resume it.",
    ),
    ("--timeout", False, int, "Seconds to wait for an answer of CryoSPARC; default 300."),
)
FRESH_INPUTS = (
    (
        "--particles",
        True,
        str,
        "Job with refined particles, such as J42, P3-J42 or J61.particles_class_2; several with names are samples that are compared: apo=J42,atp=J43.",
    ),
    ("--volume", True, str, "Job with their map, such as J42 or J42.volume."),
    ("--mask", False, str, "Job with a mask, such as J43 or J43.mask."),
)

OWN_MASK = (
    "--mask",
    False,
    str,
    "Job with a mask to use instead of the automatic one, such as J43 or J43.mask.",
)
OF_A_RUN = (  # select only: chosen particles of a run folder, whatever made it
    (
        "--run",
        False,
        Path,
        "Folder of a run to choose from, instead of a landscape job; nothing is computed.",
    ),
    (
        "--particles",
        False,
        str,
        "With --run: job that holds its particles, such as J42; default: found from the run.",
    ),
)


def run_main() -> None:
    """gem-cryosparc-run"""
    _main("run")


def train_main() -> None:
    """gem-cryosparc-train"""
    _main("train")


def landscape_main() -> None:
    """gem-cryosparc-landscape"""
    _main("landscape")


def landscape_full_main() -> None:
    """gem-cryosparc-landscape-full"""
    _main("landscape-full")


def select_main() -> None:
    """gem-cryosparc-select"""
    _main("select")


def _main(name: str) -> None:
    sys.exit(run_command(name, sys.argv[1:]))


def run_command(name: str, arguments: Sequence[str]) -> int:
    """Do one job as its command line says; gives the exit code, with every expected error as one message."""
    let_waiting_threads_sleep()
    command = make_command(name, arguments)
    try:
        with listening(Progress().hear):
            return exit_code_of(
                lambda: command.main(
                    list(arguments), prog_name=f"gem-cryosparc-{name}", standalone_mode=False
                )
            )
    except Exception as error:  # unforeseen; the traceback is in the job's log
        from gem_plugin.adapters.cryosparc.running_job import failure_sentence

        print(f"Error: {failure_sentence(error)} The log of the job has the details.", file=sys.stderr)
        return FAILURE


def make_command(name: str, arguments: Sequence[str] = ()) -> click.Command:
    """The command of one job: connections, and the same settings as everywhere else."""
    job = JOBS[name]
    inputs: tuple[tuple[str, bool, type, str], ...] = FRESH_INPUTS
    if job.continues is not None:
        is_needed = name != "select"
        inputs = (
            (
                f"--{job.continues}",
                is_needed,
                str,
                f"The GEM {job.continues} job to continue, such as J50.",
            ),
        )
    if name == "select":
        inputs = (*inputs, *OF_A_RUN)
    if name == "landscape":
        inputs = (*inputs, OWN_MASK)
    connection_options = [_option(*one) for one in (*COMMON_OPTIONS, *inputs)]
    taken = {option.name for option in connection_options}
    fields = fields_of_steps([step for step in job.steps if STEPS[step].is_there]).values()
    settings = [field for field in fields if field.name not in (*SETTINGS_FROM_CONNECTIONS, *taken)]

    def call(**given: Any) -> int:
        from gem_plugin.adapters.cryosparc.selection import is_about_a_run, selection_order, send_selection
        from gem_plugin.adapters.cryosparc.start import JobOrder, start_job

        values = {field.name: given[field.name] for field in settings if given[field.name] is not None}
        options = {key: given[key] for key in taken if key is not None}
        options["project"], options["workspace"] = find_place(
            options["project"], options["workspace"], options["url"], _named_jobs(options)
        )
        if name == "select" and is_about_a_run(options):
            uid = send_selection(selection_order(options, values))
        else:
            connected = _order_arguments(job, options)
            order = JobOrder(job=job, values=values, **connected, name=name, command=tuple(arguments))
            uid = start_job(order).uid
        print(uid, flush=True)  # the last line, for scripts
        return SUCCESS

    help_settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
    return click.Command(
        name,
        callback=call,
        params=[*connection_options, *click_options(settings)],
        help=job.help,
        context_settings=help_settings,
    )


def _named_jobs(options: dict[str, Any]) -> list[str]:
    """The jobs that the inputs name, with whatever they name of the project."""
    texts = [options.get(name) for name in ("particles", "volume", "mask", "train", "landscape")]
    named = [part.rpartition("=")[2] for text in texts if text for part in text.split(",")]
    return [one for one in named if one.strip()]


def _option(flag: str, is_required: bool, kind: type, help: str) -> click.Option:
    return click.Option(
        [flag], required=is_required, type=click.Path(path_type=Path) if kind is Path else kind, help=help
    )


def _order_arguments(job: CryosparcJob, options: dict[str, Any]) -> dict[str, Any]:
    """The connection options under the names that JobOrder has."""
    if job.continues is None:
        named = {
            "particle": options.pop("particles"),
            "volume": options.pop("volume"),
            "mask": options.pop("mask"),
        }
        earlier = None
    else:
        earlier = options.pop(job.continues)
        for name in ("run", "particles"):  # of select; used elsewhere
            options.pop(name, None)
        named = {"particle": earlier, "mask": options.pop("mask", None)}
    inputs = {kind: name for kind, name in named.items() if name is not None}
    timeout = options.pop("timeout")
    return {**options, "inputs": inputs, "earlier_job": earlier, "timeout_in_seconds": timeout or 300}


if (
    __name__ == "__main__"
):  # python -m gem_plugin.adapters.cryosparc.commands select ..., where no console script is at hand
    if len(sys.argv) < 2 or sys.argv[1] not in JOBS:
        sys.exit(f"Error: expected the name of a job: {', '.join(JOBS)}.")
    sys.exit(run_command(sys.argv[1], sys.argv[2:]))
