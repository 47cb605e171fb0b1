"""Settings fields as command-line options: text to value, and click options with help, default and limits."""

import dataclasses
import types
import typing
from pathlib import Path
from typing import Any

import click

from gem_plugin.errors import InputError
from gem_plugin.settings import flag_of

YES_WORDS = ("yes", "true", "on", "1")
NO_WORDS = ("no", "false", "off", "0")


def value_from_text(field: dataclasses.Field, text: str) -> Any:
    """The value of a settings field from what was typed; InputError says what was expected.

    Lists are typed with commas: 1,3,5.
    """
    kind, items = _kind_of(field)
    if items is not None:
        return tuple(_one_value(field, items, part.strip()) for part in text.split(",") if part.strip())
    return _one_value(field, kind, text)


def is_yes_or_no(field: dataclasses.Field) -> bool:
    """Whether the field can be given as a bare flag."""
    return _kind_of(field)[0] is bool


def click_options(fields: typing.Iterable[dataclasses.Field]) -> list[click.Option]:
    """One click option a field. The value is None where the option was not given: the step's default holds."""
    return [_click_option(field) for field in fields]


class SettingType(click.ParamType):
    """A click type that reads one settings field."""

    def __init__(self, field: dataclasses.Field) -> None:
        self.field = field
        self.name = _type_name(field)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value_from_text(self.field, value) if isinstance(value, str) else value

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
    kind, items = _kind_of(field)
    names = {int: "whole number", float: "number", Path: "path", str: "text"}
    return f"{names[items]},..." if items is not None else names.get(kind, "value")


def _kind_of(field: dataclasses.Field) -> tuple[type, type | None]:
    """The plain type of a field and, for tuples, that of its items: `float | None` is float."""
    annotation = field.type
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        (annotation,) = (part for part in typing.get_args(annotation) if part is not type(None))
    if typing.get_origin(annotation) is tuple:
        return tuple, typing.get_args(annotation)[0]
    assert annotation in (bool, int, float, str, Path), f"no reader for setting {field.name}: {annotation}"
    return typing.cast(type, annotation), None


def _one_value(field: dataclasses.Field, kind: type, text: str) -> Any:
    if kind is bool:
        return _yes_or_no(field, text)
    try:
        return kind(text)
    except ValueError:
        expected = "a whole number" if kind is int else "a number"
        raise InputError(
            f"{flag_of(field)} is {text!r}; expected {expected}. {field.metadata.get('help', '')}"
        ) from None


def _yes_or_no(field: dataclasses.Field, text: str) -> bool:
    word = text.strip().lower()
    if word not in YES_WORDS + NO_WORDS:
        raise InputError(
            f"{flag_of(field)} is {text!r}; expected yes or no. {field.metadata.get('help', '')}"
        )
    return word in YES_WORDS
