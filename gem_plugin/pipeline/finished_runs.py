"""A finished run that is started again with other settings: nothing is replaced unless that was asked for."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.new_files import free_name
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import plain_settings, read_run_settings, read_summary
from gem_plugin.io.run.state_files import PARTICLE_SUFFIXES
from gem_plugin.pipeline.last_settings import with_number_of_states_of_before
from gem_plugin.pipeline.run_steps import NEVER_KEPT, SETTINGS_OF_RESUMING
from gem_plugin.pipeline.settings_of_steps import recorded_as_now, settings_of_step
from gem_plugin.pipeline.step_table import STEPS, steps_made_stale_by
from gem_plugin.settings import flag_of, kind_of

Differences = dict[str, tuple[Any, Any]]  # setting: what it was, what it is
TRAINING_STEPS = ("prepare", "consensus", "train")
NOT_COMPARED = (
    *SETTINGS_OF_RESUMING,
    "fresh",
    "checks",
)  # more epochs go on from where the training is; checks replace nothing


def check_nothing_is_lost(names: Sequence[str], run: RunFiles, values: Mapping[str, Any]) -> None:
    """InputError names the settings that differ and the steps whose results would be replaced."""
    settings = {  # wrong values are named first
        name: settings_of_step(STEPS[name], with_number_of_states_of_before(STEPS[name], run, values))
        for name in names
    }
    check_new_folder(run)
    finished = read_summary(run)
    differing = {
        name: differences
        for name in names
        if name in finished
        and name not in NEVER_KEPT
        and (differences := _differences(name, run, settings[name]))
    }
    if not differing:
        return
    name = next(iter(differing))
    lost = [step for step in (name, *steps_made_stale_by(name)) if step in finished]
    raise InputError(
        f"{run.root} is finished with other settings of {name}: {_in_words_of_all(differing[name])}. "
        f"The results of {', '.join(lost)} would be lost. {_one_step_alone(run, settings, differing)}"
        f"Give another folder, such as --out {free_name(run.root)}, the settings of the last time, or --overwrite."
    )


def check_new_folder(run: RunFiles) -> None:
    """InputError where a new run would replace files of another origin, such as particles.star of the user."""
    if run.settings.is_file() or not run.root.is_dir():
        return
    particles = [run.particles(suffix) for suffix in PARTICLE_SUFFIXES]
    records = (run.summary, run.manifest, run.report, run.motion, run.diagnostics, run.checks)
    of_a_run = (*particles, run.latents, *records)
    there = [path.name for path in of_a_run if path.exists()]
    if there:
        raise InputError(
            f"--out {run.root} holds {', '.join(there)} of another origin, which the run would replace. "
            f"Give a new folder, such as --out {free_name(run.root)}."
        )


def _one_step_alone(run: RunFiles, settings: Mapping[str, Any], differing: Mapping[str, Differences]) -> str:
    """The command that does one step again and keeps the training, where no other step differs."""
    if len(differing) > 1 or next(iter(differing)) in TRAINING_STEPS:
        return ""
    ((name, differences),) = differing.items()
    fields = {field.name: field for field in dataclasses.fields(settings[name])}
    words = [_as_typed(fields[key], now) for key, (_, now) in differences.items() if key in fields]
    return f"To do {name} alone again, with the model that is there: `gem-em {name} {run.root} {' '.join(words)}`. "


def _as_typed(field: dataclasses.Field, value: Any) -> str:
    value = field.default if value is None else value
    if kind_of(field).item is bool and not kind_of(field).is_list:
        name = field.name.replace("_", "-")
        return f"--{name}" if value else f"--no-{name}"
    return f"{flag_of(field)} {','.join(map(str, value)) if isinstance(value, list | tuple) else value}"


def _differences(name: str, run: RunFiles, settings: Any) -> Differences:
    """Setting by setting; input files count by their content, which is compared when the step is started."""
    step = STEPS[name]
    recorded = recorded_as_now(step, read_run_settings(run).get(name, {}))
    now = plain_settings(settings)
    inputs = {key for key in now if key in recorded and isinstance(getattr(settings, key), Path)}
    left_out = {*NOT_COMPARED, *inputs}
    names = [key for key in {**recorded, **now} if key not in left_out and recorded.get(key) != now.get(key)]
    return {key: (recorded.get(key), now.get(key)) for key in names}


def _in_words_of_all(differences: Differences) -> str:
    return ", ".join(
        f"{key} was {_in_words(before)}, is {_in_words(now)}" for key, (before, now) in differences.items()
    )


def _in_words(value: Any) -> str:
    return "not given" if value is None else str(value)
