"""docs/settings.md: every command with its settings, made from the same dataclasses as --help.

python -m gem_plugin.cli.settings_reference > docs/settings.md
"""

import dataclasses
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from gem_plugin.cli.main import OTHER_COMMANDS, RUN_HELP
from gem_plugin.cli.options import SettingType, click_options
from gem_plugin.pipeline.run_steps import RUN_STEPS
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.settings import is_yes_or_no

INTRODUCTION = """# Settings
Every command of `gem-em` with its settings, as `gem-em COMMAND --help` shows them. Made by
`python -m gem_plugin.cli.settings_reference > docs/settings.md`; a test compares the two.

In Python (`gem.fit(..., n_states=6)`), in `settings.toml` and in the Params tab of RELION jobs, a setting has its long name
with underscores: `--batch-size` is `batch_size`. Where the flag is another word, that name is given in brackets. Lists are
separated by commas. A setting without a default is chosen from the data, as its text says, or is not used. Particle rows
count from 0; states and components from 1."""
HEADER = "| setting | type | default | limits | meaning |\n|---|---|---|---|---|"


def settings_page() -> str:
    """The text of docs/settings.md."""
    return "\n\n".join([INTRODUCTION, *_sections()]) + "\n"


def _sections() -> Iterator[str]:
    steps = ", ".join(f"[{name}](#{name})" for name in RUN_STEPS)
    yield f"## run\n{RUN_HELP} Takes `--out`, the folder of the run, and every setting of these steps: {steps}."
    for step in STEPS.values():
        yield _section(step.name, step.help, step.settings_class)
    for command in OTHER_COMMANDS:
        settings_class = getattr(import_module(command.settings_module), command.settings_class_name)
        yield _section(command.name, command.help, settings_class)


def _section(name: str, help: str, settings_class: type) -> str:
    rows = [_row(field) for field in dataclasses.fields(settings_class)]
    return "\n".join([f"## {name}\n{help}\n", HEADER, *rows])


def _row(field: dataclasses.Field) -> str:
    cells = (
        _flags(field),
        _type(field),
        _default(field.default),
        _limits(field),
        field.metadata.get("help", ""),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _flags(field: dataclasses.Field) -> str:
    (option,) = click_options([field])
    flags = ", ".join(f"`{flag}`" for flag in (*option.opts, *option.secondary_opts))
    has_usual_name = "--" + field.name.replace("_", "-") in option.opts
    return flags if has_usual_name else f"{flags} ({field.name})"


def _type(field: dataclasses.Field) -> str:
    if choices := field.metadata.get("choices"):
        return ", ".join(f"`{choice}`" for choice in choices)
    return "yes or no" if is_yes_or_no(field) else SettingType(field).name


def _default(value: Any) -> str:
    if value is dataclasses.MISSING or value in (None, "", ()):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _limits(field: dataclasses.Field) -> str:
    minimum, maximum = field.metadata.get("minimum"), field.metadata.get("maximum")
    if minimum is not None and maximum is not None:
        return f"{_number(minimum)} to {_number(maximum)}"
    if minimum is not None:
        return f"from {_number(minimum)}"
    return "" if maximum is None else f"up to {_number(maximum)}"


def _number(value: float) -> str:
    return f"{value:g}" if abs(value) < 1e6 else f"{value:,.0f}"


if __name__ == "__main__":
    print(settings_page(), end="")
