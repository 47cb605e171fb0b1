"""The settings of several steps together: by name, from values, and which of them must be given."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.run.settings import plain_value
from gem_plugin.pipeline.step_table import STEPS, Step
from gem_plugin.settings import coerced, settings_from_values

NEEDED_SETTINGS = {"prepare": ("particles",), "consensus": ("map",)}
INSTEAD_OF = {"particles": "samples"}  # a needed setting -> another one that can be given for it
FIELDS_IN_RELION = {"particles": "Input particles", "map": "Input 3D reference"}
ADDED_WITHOUT_EFFECT_ON_MAPS = {
    "landscape": {"checks": True}
}  # results of earlier versions, which lack these, stay
OWN_SETTINGS = {
    "landscape": ("skip_vol", "outdir", "workdir", "epoch", "fresh"),
    "landscape-full": ("fresh",),
    "diagnose": ("mask",),
    "select": ("overwrite",),
}  # not offered beside other steps: another meaning there


def fields_of_steps(names: Sequence[str]) -> dict[str, dataclasses.Field]:
    """The settings fields of several steps by name; a name that steps share means the same in all of them."""
    fields: dict[str, dataclasses.Field] = {}
    for name in names:
        for field in _shared_fields(STEPS[name]):
            known = fields.setdefault(field.name, field)
            if known.type != field.type:
                raise TypeError(f"Setting {field.name} is {known.type} in one step, {field.type} in {name}")
    return fields


def _shared_fields(step: Step) -> list[dataclasses.Field]:
    own = OWN_SETTINGS.get(step.name, ())
    return [field for field in dataclasses.fields(step.settings_class) if field.name not in own]


def check_needed_settings(names: Sequence[str], values: Mapping[str, Any]) -> None:
    """Ask for every input before the first step starts, not when its step's turn comes."""
    for step in names:
        for name in NEEDED_SETTINGS.get(step, ()):
            if values.get(name) is None and not values.get(INSTEAD_OF.get(name, "")):
                field = next(field for field in _shared_fields(STEPS[step]) if field.name == name)
                raise InputError(
                    f"--{name} is missing ({FIELDS_IN_RELION[name]} in RELION). {field.metadata['help']}"
                )


def settings_of_step(step: Step, values: Mapping[str, Any]) -> Any:
    """The settings of a step from values of several steps: those that it knows, coerced and checked."""
    known = {field.name for field in _shared_fields(step)}
    return settings_from_values(
        step.settings_class, {name: value for name, value in values.items() if name in known}
    )


def settings_from_plain(
    step: Step, values: dict[str, Any], folder: Path, old_root: Path, new_root: Path
) -> Any:
    """The settings dataclass from what settings.toml holds; paths into the old run point into the new one."""
    fields = {field.name: field for field in dataclasses.fields(step.settings_class)}
    unknown = set(values) - set(fields)
    if unknown:
        raise InputError(
            f"The step '{step.name}' of this version has no setting {', '.join(sorted(unknown))}. "
            "Repeat the run with the version that made it (see settings.toml)."
        )

    def moved(path: Path) -> Path:
        path = (folder / path).resolve()
        inside = path.is_relative_to(old_root.resolve())
        return new_root.resolve() / path.relative_to(old_root.resolve()) if inside else path

    def restored(name: str, value: Any) -> Any:
        value = coerced(fields[name], value)
        if isinstance(value, tuple):
            return tuple(moved(item) if isinstance(item, Path) else item for item in value)
        return moved(value) if isinstance(value, Path) else value

    return step.settings_class(**{name: restored(name, value) for name, value in values.items()})


def recorded_as_now(step: Step, recorded: dict[str, Any]) -> dict[str, Any]:
    """Recorded settings as this version would record them: earlier versions wrote some numbers as text, and had fewer settings."""
    fields = {field.name: field for field in dataclasses.fields(step.settings_class)}
    if recorded:
        added = ADDED_WITHOUT_EFFECT_ON_MAPS.get(step.name, {})
        recorded = {**{name: value for name, value in added.items() if name in fields}, **recorded}
    return {
        name: plain_value(coerced(fields[name], value)) if name in fields else value
        for name, value in recorded.items()
    }
