"""A finished run that is started again with other settings: nothing is replaced unless that was asked for."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import plain_settings, read_run_settings, read_summary
from gem_plugin.pipeline.run_steps import NEVER_KEPT, SETTINGS_OF_RESUMING
from gem_plugin.pipeline.settings_of_steps import recorded_as_now, settings_of_step
from gem_plugin.pipeline.step_table import STEPS, steps_made_stale_by

NOT_COMPARED = (*SETTINGS_OF_RESUMING, "fresh")  # more epochs go on from where the training is


def check_nothing_is_lost(names: Sequence[str], run: RunFiles, values: Mapping[str, Any]) -> None:
    """InputError names the settings that differ and the steps whose results would be replaced."""
    finished = read_summary(run)
    settings = {name: settings_of_step(STEPS[name], values) for name in names}  # wrong values are named first
    for name in names:
        if name not in finished or name in NEVER_KEPT:
            continue
        differences = _differences(name, run, settings[name])
        if differences:
            lost = [step for step in (name, *steps_made_stale_by(name)) if step in finished]
            raise InputError(
                f"{run.root} is finished with other settings of {name}: {differences}. "
                f"The results of {', '.join(lost)} would be lost. Give another folder, such as --out {_free_name(run)}, "
                "the settings of the last time, or --overwrite."
            )


def _differences(name: str, run: RunFiles, settings: Any) -> str:
    """Setting by setting; input files count by their content, which is compared when the step is started."""
    step = STEPS[name]
    recorded = recorded_as_now(step, read_run_settings(run).get(name, {}))
    now = plain_settings(settings)
    inputs = {key for key in now if key in recorded and isinstance(getattr(settings, key), Path)}
    left_out = {*NOT_COMPARED, *inputs}
    names = [key for key in {**recorded, **now} if key not in left_out and recorded.get(key) != now.get(key)]
    return ", ".join(
        f"{key} was {_in_words(recorded.get(key))}, is {_in_words(now.get(key))}" for key in names
    )


def _in_words(value: Any) -> str:
    return "not given" if value is None else str(value)


def _free_name(run: RunFiles) -> str:
    root = run.root
    return next(
        str(one)
        for number in itertools.count(2)
        if not (one := root.with_name(f"{root.name}-{number}")).exists()
    )
