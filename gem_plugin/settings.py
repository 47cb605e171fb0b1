"""How a step declares its settings: a frozen dataclass whose fields carry help, limits and choices.

Flags, help texts and the checks all come from the same fields, so they cannot disagree.
"""

import dataclasses
from typing import Any

from gem_plugin.errors import InputError


def setting(
    default: Any,
    help: str,  # one sentence, with the unit and why this default
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] | None = None,
    flag: str | None = None,  # "-M" or "--Apix" where the usual name is not the field's name
) -> Any:
    """A dataclass field that knows its own limits."""
    metadata = {"help": help, "minimum": minimum, "maximum": maximum, "choices": choices, "flag": flag}
    return dataclasses.field(default=default, metadata=metadata)


def flag_of(field: dataclasses.Field) -> str:
    """The command-line flag of a field: its own, or --field-name."""
    return field.metadata.get("flag") or "--" + field.name.replace("_", "-")


def check_settings(settings: Any) -> None:
    """Raise InputError for the first field outside its limits or choices."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if value is None:
            continue
        _check_limits(field, value)
        choices = field.metadata.get("choices")
        if choices and value not in choices:
            raise InputError(
                f"{flag_of(field)} is {value!r}; expected one of {', '.join(choices)}. {field.metadata['help']}"
            )


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
