"""How a step declares its settings: a frozen dataclass whose fields carry help, limits and choices.

Flags, help texts, checks and the reading of values (typed, recorded in settings.toml, or given from Python) all come from
the same fields, so they cannot disagree.
"""

import dataclasses
import difflib
import numbers
import os
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from gem_plugin.errors import InputError

AnySettings = TypeVar("AnySettings")
AUTOMATIC: Final = "auto"  # of settings that are a number or chosen from the data
YES_WORDS = ("yes", "true", "on", "1")
NO_WORDS = ("no", "false", "off", "0")
KINDS = (bool, int, float, str, Path)


def setting(
    default: Any,
    help: str,  # one sentence, with the unit and why this default
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] | None = None,
    flag: str | None = None,  # "-M" or "--Apix" where the usual name is not the field's name
    other_flag: str | None = None,  # "--figure": a second name on the command line
    reads_file: bool = False,  # a file that must be there before the step begins
    or_folder: bool = False,  # or a folder
) -> Any:
    """A dataclass field that knows its own limits."""
    metadata = {"help": help, "minimum": minimum, "maximum": maximum, "choices": choices, "flag": flag}
    metadata |= {"other_flag": other_flag, "reads_file": reads_file, "or_folder": or_folder}
    return dataclasses.field(default=default, metadata=metadata)


def flag_of(field: dataclasses.Field) -> str:
    """The command-line flag of a field: its own, or --field-name."""
    return field.metadata.get("flag") or "--" + field.name.replace("_", "-")


@dataclasses.dataclass(frozen=True)
class Kind:
    """What the values of a field are."""

    item: type  # one of KINDS; of the items where it is a list
    is_list: bool = False
    may_be_none: bool = False  # None: chosen later, or not used
    may_be_automatic: bool = False  # the word auto instead of a number

    @property
    def in_words(self) -> str:
        words = {int: "a whole number", float: "a number", bool: "yes or no", Path: "a path", str: "text"}[
            self.item
        ]
        return f"{words}, or {AUTOMATIC}" if self.may_be_automatic else words


def kind_of(field: dataclasses.Field) -> Kind:
    """The kind of a field by its annotation: `float | None`, `tuple[Path, ...]`, `int | Literal["auto"]`."""
    parts = _parts_of(field.type)
    is_automatic = Literal["auto"] in parts
    (plain,) = [part for part in parts if part not in (type(None), Literal["auto"])]
    is_list = typing.get_origin(plain) is tuple
    item = typing.get_args(plain)[0] if is_list else plain
    assert item in KINDS, f"no reader for setting {field.name}: {field.type}"
    return Kind(item, is_list, type(None) in parts, is_automatic)


def is_yes_or_no(field: dataclasses.Field) -> bool:
    """Whether the field can be given as a bare flag."""
    kind = kind_of(field)
    return kind.item is bool and not kind.is_list


def settings_from_values(settings_class: type[AnySettings], values: Mapping[str, Any]) -> AnySettings:
    """The settings from values of any origin, each coerced to the type of its field, all checked.

    Raises InputError for an unknown name, a value of another type, or one outside its limits.
    """
    fields = {field.name: field for field in dataclasses.fields(settings_class)}  # type: ignore[arg-type]
    for name in values:
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            advice = f"Did you mean {near[0]}?" if near else f"There is {', '.join(fields)}."
            raise InputError(f"There is no setting {name}. {advice}")
    settings = settings_class(**{name: coerced(fields[name], value) for name, value in values.items()})
    check_settings(settings)
    return settings


def coerced(field: dataclasses.Field, value: Any) -> Any:
    """A value as the type of its field: text as it is typed, a str for a Path, a list for a tuple, 6 or "6" for an int.

    None is auto where a field may be automatic. Raises InputError that says what was expected.
    """
    kind = kind_of(field)
    if value is None and (kind.may_be_none or kind.may_be_automatic):
        return None if kind.may_be_none else AUTOMATIC
    if kind.may_be_automatic and isinstance(value, str) and value.strip().lower() == AUTOMATIC:
        return AUTOMATIC
    if not kind.is_list:
        return _one_value(field, kind, value)
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    is_many = isinstance(value, Iterable) and not isinstance(value, str | os.PathLike)
    return tuple(_one_value(field, kind, item) for item in (value if is_many else [value]))


def check_settings(settings: Any) -> None:
    """Raise InputError for the first field outside its limits or choices."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if value is None or (value == AUTOMATIC and kind_of(field).may_be_automatic):
            continue
        _check_limits(field, value)
        choices = field.metadata.get("choices")
        if choices and value not in choices:
            raise InputError(
                f"{flag_of(field)} is {value!r}; expected one of {', '.join(choices)}. {field.metadata['help']}"
            )


def check_input_files(settings: Any) -> None:
    """Raise InputError for the first input file that is not there, before any work."""
    for field in dataclasses.fields(settings):
        path = getattr(settings, field.name)
        if not field.metadata.get("reads_file") or path is None or Path(path).is_file():
            continue
        if field.metadata.get("or_folder") and Path(path).is_dir():
            continue
        is_folder = Path(path).is_dir()
        found = f"{path} is a folder" if is_folder else f"there is no file {path}"
        where = "" if is_folder or Path(path).is_absolute() else f" Relative names start from {Path.cwd()}."
        raise InputError(f"{flag_of(field)}: {found}.{where} Expected: {field.metadata['help']}")


def _parts_of(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _one_value(field: dataclasses.Field, kind: Kind, value: Any) -> Any:
    if isinstance(value, str):
        return _from_text(field, kind, value)
    if hasattr(value, "item") and getattr(value, "shape", None) == ():  # numpy and torch numbers
        value = value.item()
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if kind.item is bool and isinstance(value, bool):
        return value
    if kind.item is float and is_number:
        return float(value)
    if kind.item is int and is_number and float(value).is_integer():
        return int(value)
    if kind.item is Path and isinstance(value, os.PathLike):
        return Path(value)
    raise _unexpected(field, kind, value)


def _from_text(field: dataclasses.Field, kind: Kind, text: str) -> Any:
    if kind.item is bool:
        word = text.strip().lower()
        if word not in YES_WORDS + NO_WORDS:
            raise _unexpected(field, kind, text)
        return word in YES_WORDS
    try:
        return kind.item(text)
    except ValueError:
        raise _unexpected(field, kind, text) from None


def _unexpected(field: dataclasses.Field, kind: Kind, value: Any) -> InputError:
    help = field.metadata.get("help", "")
    return InputError(f"{flag_of(field)} is {value!r}; expected {kind.in_words}. {help}")


def _check_limits(field: dataclasses.Field, value: Any) -> None:
    minimum, maximum = field.metadata.get("minimum"), field.metadata.get("maximum")
    too_small = minimum is not None and not value >= minimum
    too_large = maximum is not None and not value <= maximum
    if too_small or too_large:
        expected = (
            f"at least {minimum}"
            if maximum is None
            else f"at most {maximum}"
            if minimum is None
            else f"{minimum} to {maximum}"
        )
        raise InputError(f"{flag_of(field)} is {value}; expected {expected}. {field.metadata['help']}")
