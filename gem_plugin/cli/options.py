"""Settings fields as command-line options: click options with help, default and limits."""

import dataclasses
import typing
from pathlib import Path
from typing import Any

import click

from gem_plugin.settings import AUTOMATIC, coerced, flag_of, is_yes_or_no, kind_of


def click_options(fields: typing.Iterable[dataclasses.Field]) -> list[click.Option]:
    """One click option a field. The value is None where the option was not given: the step's default holds."""
    return [_click_option(field) for field in fields]


class SettingType(click.ParamType):
    """A click type that reads one settings field."""

    def __init__(self, field: dataclasses.Field) -> None:
        self.field = field
        self.name = _type_name(field)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return coerced(self.field, value) if isinstance(value, str) else value

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        return (
            self.name if self.field.metadata.get("choices") else None
        )  # choices are typed as they are shown


def _click_option(field: dataclasses.Field) -> click.Option:
    flag = flag_of(field)
    names = [flag] if flag.startswith("--") else [flag, "--" + field.name.replace("_", "-")]
    help = f"{field.metadata.get('help', '')} {_default_text(field)}".strip()
    if is_yes_or_no(field):
        names[-1] += "/--no-" + field.name.replace("_", "-")
    if other_flag := field.metadata.get("other_flag"):
        names.append(other_flag)
    if is_yes_or_no(field):
        return click.Option([*names, field.name], default=None, help=help)
    return click.Option([*names, field.name], type=SettingType(field), default=None, help=help)


def _default_text(field: dataclasses.Field) -> str:
    if field.default in (None, "", ()) or field.default is dataclasses.MISSING:
        return ""
    shown = (
        {True: "yes", False: "no"}.get(field.default) if isinstance(field.default, bool) else field.default
    )
    return f"[default: {shown}]"


def _type_name(field: dataclasses.Field) -> str:
    if field.metadata.get("choices"):
        return "|".join(field.metadata["choices"])
    kind = kind_of(field)
    name = {int: "whole number", float: "number", Path: "path", str: "text", bool: "yes|no"}[kind.item]
    if kind.is_list:
        return f"{name},..."
    return f"{name} or {AUTOMATIC}" if kind.may_be_automatic else name
