"""The command gem-em. A command parses, calls one function, and turns errors into a message and an exit code.

The list of commands is a table; a command's module is imported only when that command is used.
"""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import click

from gem_plugin.cli.options import click_options
from gem_plugin.cli.outcome import exit_code_of
from gem_plugin.cli.waiting_threads import let_waiting_threads_sleep
from gem_plugin.errors import InputError
from gem_plugin.garbage import leave_to_the_system_at_exit
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.pipeline.finished_runs import check_new_folder, check_nothing_is_lost
from gem_plugin.pipeline.last_settings import settings_with_last
from gem_plugin.pipeline.logged_progress import LoggedProgress
from gem_plugin.pipeline.run_steps import RUN_STEPS, run_step, run_steps
from gem_plugin.pipeline.settings_of_steps import fields_of_steps, settings_of_step
from gem_plugin.pipeline.step_table import STEPS, Step
from gem_plugin.processes.launched import n_processes
from gem_plugin.progress import Progress
from gem_plugin.settings import check_input_files
from gem_plugin.version import __version__


@dataclasses.dataclass(frozen=True)
class Command:
    """A command that is no step of a run: settings and a function(settings, progress), imported when used."""

    name: str
    module: str
    settings_module: str
    settings_class_name: str
    function_name: str
    help: str
    takes_run: bool = False  # then it is called with (run, settings, progress)


PART_HELP = "Prepare only part K of N of the images, as one of several tasks of a queue; the same command without --part joins the parts."
RUN_HELP = "Run every step from the particles to the report; run the same command again to resume."
OTHER_COMMANDS = (
    Command(
        "demo",
        "gem_plugin.steps.demo.step",
        "gem_plugin.steps.demo.settings",
        "DemoSettings",
        "run_demo",
        "Simulate a small data set and run every step on it.",
    ),
    Command(
        "simulate",
        "gem_plugin.steps.simulate.step",
        "gem_plugin.steps.simulate.settings",
        "SimulateSettings",
        "run_simulate",
        "Simulate particles of a molecule whose motion is known.",
    ),
    Command(
        "convert",
        "gem_plugin.steps.convert.step",
        "gem_plugin.steps.convert.settings",
        "ConvertSettings",
        "run_convert",
        "CryoSPARC particles as a star file, or a star file back as CryoSPARC particles.",
    ),
    Command(
        "import-gaussianem",
        "gem_plugin.steps.import_gaussianem.step",
        "gem_plugin.steps.import_gaussianem.settings",
        "ImportGaussianemSettings",
        "run_import_gaussianem",
        "Make a run from a model that GaussianEM trained.",
    ),
    Command(
        "explore",
        "gem_plugin.explorer.command",
        "gem_plugin.explorer.settings",
        "ExploreSettings",
        "run_explore",
        "Explore a run in the browser: particles, states and the molecule of any particle.",
        takes_run=True,
    ),
    Command(
        "rerun",
        "gem_plugin.pipeline.rerun.step",
        "gem_plugin.pipeline.rerun.settings",
        "RerunSettings",
        "run_rerun",
        "Repeat a run in a new folder: the same inputs, settings and seeds.",
        takes_run=True,
    ),
    Command(
        "templates",
        "gem_plugin.steps.templates.step",
        "gem_plugin.steps.templates.settings",
        "TemplatesSettings",
        "run_templates",
        "Copy the filled-in RELION jobs, the queue scripts and the tested versions into a folder.",
    ),
    Command(
        "doctor",
        "gem_plugin.steps.doctor.step",
        "gem_plugin.steps.doctor.settings",
        "DoctorSettings",
        "run_doctor",
        "Check the installation and this machine.",
    ),
)
STEPS_ON_CRYODRGN = ("landscape", "landscape-full")  # these also take WORKDIR EPOCH of a cryoDRGN run
STEPS_THAT_MAKE_STATES = ("landscape", "landscape-full")
STEPS_THAT_MAKE_A_RUN = ("prepare",)  # the others work on a folder that is there
ORDER = (
    "demo",
    "simulate",
    "run",
    *STEPS,
    "explore",
    "convert",
    "import-gaussianem",
    "rerun",
    "templates",
    "doctor",
)


def available_commands() -> dict[str, str]:
    """Name and help line of every command whose module exists."""
    steps = {step.name: step.help for step in STEPS.values() if step.is_there}
    others = {command.name: command.help for command in OTHER_COMMANDS if _as_step(command).is_there}
    return {"run": RUN_HELP, **steps, **others}


class LazyGroup(click.Group):
    """A group that knows the names and help lines of its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in ORDER if name in available_commands()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in available_commands():
            return None
        if cmd_name == "run":
            return _run_command()
        if cmd_name in STEPS:
            return _step_command(STEPS[cmd_name])
        return _other_command(next(command for command in OTHER_COMMANDS if command.name == cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        helps = available_commands()
        with formatter.section("Commands"):
            formatter.write_dl([(name, helps[name]) for name in self.list_commands(ctx)])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, message=f"gem-em {__version__}")
def gem_em() -> None:
    """From a consensus refinement to a conformational landscape, and back to particles that can be refined.

    Start with `gem-em run --particles P.star --map M.mrc --out RUN`, or see it work with `gem-em demo`.
    """


def main() -> None:
    """Entry point of the console script."""
    let_waiting_threads_sleep()
    leave_to_the_system_at_exit()
    sys.exit(exit_code_of(_command_alone if n_processes() == 1 else _command_together))


def _command_alone() -> None:
    gem_em.main(standalone_mode=False)


def _command_together() -> None:
    """Of the processes that torchrun started, the first does the command; the others help where it asks them to."""
    from gem_plugin.pipeline.helping import help_with_step  # late: they import torch
    from gem_plugin.processes.together import work_together

    work_together(_command_alone, help_with_step)


def _run_command() -> click.Command:
    def call(out: Path, overwrite: bool, **values: Any) -> None:
        run = RunFiles(out)
        if not overwrite:
            check_nothing_is_lost(RUN_STEPS, run, _given(values))
        progress = LoggedProgress(run.log)
        run_steps(RUN_STEPS, run, _given(values), progress)
        _write_references(run, progress)

    out = click.Option(
        ["--out", "-o"], type=click.Path(path_type=Path), required=True, help="Folder of the run."
    )
    overwrite = click.Option(
        ["--overwrite"], is_flag=True, help="Replace the results of a finished run that had other settings."
    )
    options: list[click.Parameter] = [out, overwrite, *click_options(fields_of_steps(RUN_STEPS).values())]
    return click.Command("run", callback=call, params=options, help=RUN_HELP)


def _step_command(step: Step) -> click.Command:
    def call(run_folder: Path, epoch_of_cryodrgn: str | None = None, **values: Any) -> None:
        if step.name in STEPS_THAT_MAKE_A_RUN:
            check_new_folder(RunFiles(run_folder))
        elif values.get("workdir") is None:
            _check_run_is_there(run_folder)
        if epoch_of_cryodrgn is not None:
            run_folder, values = _beside_cryodrgn(step, run_folder, epoch_of_cryodrgn, values)
        run = RunFiles(run_folder)
        if (part := values.pop("part", None)) is not None:
            _prepare_part(step, run, part, _given(values))
            return
        progress = LoggedProgress(run.log)
        run_step(step, run, settings_with_last(step, run, _given(values), progress), progress)
        if step.name in STEPS_THAT_MAKE_STATES:
            _write_references(run, progress)

    folder = click.Argument(["run_folder"], metavar="RUN", type=click.Path(path_type=Path))
    epoch = click.Argument(["epoch_of_cryodrgn"], metavar="[EPOCH]", required=False)
    arguments: list[click.Parameter] = [folder, epoch] if step.name in STEPS_ON_CRYODRGN else [folder]
    part = [click.Option(["--part"], metavar="K/N", help=PART_HELP)] if step.name == "prepare" else []
    return click.Command(
        step.name, callback=call, params=[*arguments, *part, *_options(step)], help=step.help
    )


def _prepare_part(step: Step, run: RunFiles, part: str, values: dict[str, Any]) -> None:
    """Beside other tasks that do the same in this folder: without its lock, its log and its records."""
    from gem_plugin.steps.prepare.parts import Part  # late: they import torch
    from gem_plugin.steps.prepare.step import prepare_part

    settings, progress = settings_of_step(step, values), Progress()
    step.check_settings(settings)
    check_input_files(settings)
    with listening(progress.hear):
        prepare_part(run, settings, Part.of_text(part), progress)


def _write_references(run: RunFiles, progress: Progress) -> None:
    """Maps of the states in the particles' own box and pixel size, which RELION asks of a reference; a cryoDRGN run has no such box."""
    if run.prepared_table.is_file():
        from gem_plugin.results.references import write_state_references  # late: it imports torch

        write_state_references(run, progress)


def _check_run_is_there(run_folder: Path) -> None:
    """A mistyped name must not become a new folder."""
    if not run_folder.is_dir():
        raise InputError(
            f"There is no folder {run_folder}. Expected the folder of a run (--out of `gem-em run`); "
            f"relative names start from {Path.cwd()}."
        )


def _beside_cryodrgn(
    step: Step, work_folder: Path, epoch: str, values: dict[str, Any]
) -> tuple[Path, dict[str, Any]]:
    """WORKDIR EPOCH: results go to their own folder, as nothing of a foreign run is changed."""
    out = values.get("outdir") or work_folder / f"landscape.{epoch}"
    values = {**values, "outdir": None}
    if step.name == "landscape":
        values = {**values, "workdir": work_folder, "epoch": epoch}
    return out, values


def _other_command(command: Command) -> click.Command:
    step = _as_step(command)

    def call(run_folder: Path | None = None, **values: Any) -> None:
        progress = Progress()
        arguments = (step.settings_class(**_given(values)), progress)
        with listening(progress.hear):
            step.function(*((RunFiles(run_folder), *arguments) if run_folder is not None else arguments))

    folder = click.Argument(["run_folder"], metavar="RUN", type=click.Path(path_type=Path))
    params = [folder, *_options(step)] if command.takes_run else _options(step)
    return click.Command(command.name, callback=call, params=params, help=command.help)


def _options(step: Step) -> list[click.Parameter]:
    return [*click_options(dataclasses.fields(step.settings_class))]


def _as_step(command: Command) -> Step:
    return Step(
        command.name,
        command.module,
        command.settings_module,
        command.settings_class_name,
        command.function_name,
        command.help,
        (),
    )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """The options that were typed; the others keep their defaults."""
    return {name: value for name, value in values.items() if value is not None}
