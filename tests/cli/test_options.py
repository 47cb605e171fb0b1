"""Settings from text: every kind of field, and what the user reads when the text is wrong."""

import dataclasses
from pathlib import Path

import click

from gem_plugin.cli.options import click_options
from gem_plugin.settings import setting


@dataclasses.dataclass(frozen=True)
class EverySettings:
    """One field of each kind."""

    path: Path | None = setting(None, "A path.")
    rate: float = setting(0.5, "A rate.")
    number: int | None = setting(None, "A number.", flag="-n")
    is_on: bool = setting(True, "A switch.")
    states: tuple[int, ...] = setting((), "States.")
    kind: str = setting("mlp", "A kind.", choices=("mlp", "basis"))


FIELDS = {field.name: field for field in dataclasses.fields(EverySettings)}


def parse(*arguments: str) -> dict:
    options = click_options(FIELDS.values())
    command = click.Command("every", params=[*options], callback=lambda **values: values)
    return command.main(list(arguments), standalone_mode=False)


def test_options_that_are_not_given_are_none() -> None:
    assert set(parse().values()) == {None}


def test_flags_switches_and_lists_are_read() -> None:
    values = parse("-n", "3", "--no-is-on", "--states", "2,5", "--rate=0.1")
    assert (values["number"], values["is_on"], values["states"], values["rate"]) == (3, False, (2, 5), 0.1)
    assert parse("--number", "4")["number"] == 4


def test_help_shows_default_and_choices() -> None:
    command = click.Command("every", params=[*click_options(FIELDS.values())])
    text = command.get_help(click.Context(command, max_content_width=200))
    assert "A rate. [default: 0.5]" in text
    assert "mlp|basis" in text
    assert "--is-on / --no-is-on" in text
