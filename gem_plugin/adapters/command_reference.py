"""docs/commands.md: every program with its commands, made from the same tables as --help.

python -m gem_plugin.adapters.command_reference > docs/commands.md
"""

from collections.abc import Iterator

import click

from gem_plugin.adapters.cryosparc.commands import COMMON_OPTIONS, make_command
from gem_plugin.adapters.cryosparc.finish import finish_command
from gem_plugin.adapters.cryosparc.job_record import PROGRAM
from gem_plugin.adapters.cryosparc.jobs import JOBS as CRYOSPARC_JOBS
from gem_plugin.adapters.relion.jobs import JOBS as RELION_JOBS
from gem_plugin.cli.main import available_commands, gem_em
from gem_plugin.cli.options import SettingType
from gem_plugin.cli.outcome import FAILURE, INTERRUPTED, STOPPED, SUCCESS, WRONG_INPUT

INTRODUCTION = """# Commands
Every program that GEM installs. The settings of each command, with types, defaults and limits, are in [Settings](settings.md);
`gem-em COMMAND --help` shows the same. Made by `python -m gem_plugin.adapters.command_reference > docs/commands.md`; a test compares the two."""

OPTIONS_HEADER = "| option | meaning |\n|---|---|"


def commands_page() -> str:
    """The text of docs/commands.md."""
    return "\n\n".join([INTRODUCTION, *_sections()]) + "\n"


def _sections() -> Iterator[str]:
    yield "\n".join(["## gem-em", "| command | what it does |\n|---|---|", *_commands_of_gem_em()])
    yield "\n".join(
        [
            "## External jobs of RELION",
            "RELION starts these and gives their options; by hand: `gem-external-landscape --o External/job021/ --in_parts "
            "External/job020/particles.star --n_states 4 --j 4`. Params are the settings of the steps, by name ([In RELION](relion.md)).\n",
            "| program | what it does | Input particles | steps |\n|---|---|---|---|",
            *_relion_programs(),
        ]
    )
    yield (
        "## External jobs of CryoSPARC\nEach makes a job in the workspace, works where it is started, and prints the number of the job last. "
        "They take the settings of their steps, and these options ([In CryoSPARC](cryosparc.md)).\n\n"
        + "\n".join([OPTIONS_HEADER, *(_row(f"`{flag}`", help) for flag, _, _, help in COMMON_OPTIONS)])
    )
    for name in CRYOSPARC_JOBS:
        yield _cryosparc_program(name)
    yield f"### {PROGRAM}\n`{_usage(finish_command, PROGRAM)}`: {finish_command.help}"
    yield (
        "## How a command ends\n"
        f"| exit code | meaning |\n|---|---|\n| {SUCCESS} | done |\n| {FAILURE} | failed; the last line says why |\n"
        f"| {WRONG_INPUT} | something that was given is wrong; nothing was changed |\n"
        f"| {STOPPED}, {INTERRUPTED} | stopped by RELION, CryoSPARC or a queue; by Ctrl-C. Finished parts are kept |"
    )


def _commands_of_gem_em() -> Iterator[str]:
    context = click.Context(gem_em, info_name="gem-em")
    helps = available_commands()
    for name in gem_em.list_commands(context):
        command = gem_em.get_command(context, name)
        assert command is not None
        yield _row(f"[`{_usage(command, f'gem-em {name}')}`](settings.md#{name})", helps[name])


def _relion_programs() -> Iterator[str]:
    for name, job in RELION_JOBS.items():
        particles = (
            "those of an earlier GEM job" if job.needs_earlier_job else "refined particles, and their map"
        )
        yield _row(f"`gem-external-{name}`", job.help, particles, ", ".join(job.steps))


def _cryosparc_program(name: str) -> str:
    """One program with the options that say where its inputs are; those of its steps are in the settings."""
    command = make_command(name)
    common = [flag for flag, *_ in COMMON_OPTIONS]
    own = [one for one in command.params if not _is_setting(one) and one.opts[0] not in common]
    rows = [_row(f"`{option.opts[0]}`", _help_of(option)) for option in own]
    steps = ", ".join(f"[{step}](settings.md#{step})" for step in CRYOSPARC_JOBS[name].steps)
    return "\n".join(
        [f"### gem-cryosparc-{name}", f"{command.help} Settings of: {steps}.\n", OPTIONS_HEADER, *rows]
    )


def _usage(command: click.Command, name: str) -> str:
    """The command with what it must have, as in gem-em landscape RUN."""
    context = click.Context(command, info_name=name)
    needed = [one.make_metavar(context) for one in command.params if isinstance(one, click.Argument)]
    flags = [
        f"{option.opts[0]} {option.make_metavar(context)}"
        for option in command.params
        if isinstance(option, click.Option) and option.required
    ]
    return " ".join([name, *needed, *flags])


def _is_setting(option: click.Parameter) -> bool:
    """Whether it is a setting of a step, not a connection."""
    return isinstance(option.type, SettingType) or bool(option.secondary_opts)


def _help_of(option: click.Parameter) -> str:
    return (option.help if isinstance(option, click.Option) else None) or ""


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print(commands_page(), end="")
