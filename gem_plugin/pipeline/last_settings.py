"""A landscape that is made again keeps the settings of the last time; landscape-full takes those of the landscape.

What is given now always wins, and what is taken from before is said. Jobs of RELION and CryoSPARC get their own
parameters and the defaults; of an earlier job they take only what landscape-full takes from its landscape.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.manifest import read_manifest
from gem_plugin.io.run.settings import SETTINGS_OF_THE_MACHINE, read_run_settings, read_summary
from gem_plugin.pipeline.settings_of_steps import settings_from_plain
from gem_plugin.pipeline.step_table import STEPS, Step
from gem_plugin.progress import Progress
from gem_plugin.settings import AUTOMATIC, flag_of, settings_from_values

KEEPING_STEPS = ("landscape", "landscape-full")
OF_ONE_TIME = (
    *SETTINGS_OF_THE_MACHINE,
    "fresh",
    "outdir",
    "landscape_dir",
    "skip_vol",
    "skip_mask",
    "cryodrgn_layout",
)
SHARED_WITH_FULL = ("n_states", "linkage", "region")
NUMBER_FOUND = {
    "n_states": "states",
    "linkage": "linkage",
}  # setting -> its number in the summary, where it was auto
DEFAULT_OF_BEFORE = 10  # states, in version 0.1.0, which recorded it as if it had been given
REPLACED_BY = {  # given now -> what it makes meaningless
    "mask": ("thresh", "mask_level"),
    "skip_mask": ("mask", "thresh", "mask_level"),
    "thresh": ("mask", "mask_level"),
    "mask_level": ("mask", "thresh"),
    "sketch_size": ("sketch_ind", "vol_ind"),
    "sketch_ind": ("vol_ind",),
    "seed": ("vol_ind",),
}


def settings_with_last(step: Step, run: RunFiles, given: Mapping[str, Any], progress: Progress) -> Any:
    """The settings of a step: what is given, else that of the last time, else the default."""
    if step.name not in KEEPING_STEPS or given.get("fresh"):
        return settings_from_values(step.settings_class, given)
    kept = _recorded(step, run)
    origin = f"the last {step.name}"
    if step.name == "landscape-full" and not kept:
        kept, origin = settings_of_landscape(run), "landscape"
    without = {name for one in given for name in REPLACED_BY.get(one, ()) if given[one] not in (None, False)}
    kept = {name: value for name, value in kept.items() if name not in given and name not in without}
    _say(step, kept, origin, "Give others, or --fresh to start from the defaults.", progress)
    return settings_from_values(step.settings_class, {**kept, **given})


def settings_of_landscape(run: RunFiles) -> dict[str, Any]:
    """What landscape-full takes from its landscape: the numbers that were found where they were chosen automatically."""
    recorded, found = _recorded(STEPS["landscape"], run), read_summary(run).get("landscape", {})
    kept = {name: recorded[name] for name in SHARED_WITH_FULL if name in recorded}
    for name, number in NUMBER_FOUND.items():
        if kept.get(name) == AUTOMATIC:
            kept[name] = found.get(number, AUTOMATIC)
    return {name: value for name, value in kept.items() if not (name == "linkage" and value == AUTOMATIC)}


def with_settings_of_landscape(
    step: Step, run: RunFiles, values: Mapping[str, Any], progress: Progress
) -> dict[str, Any]:
    """The values for a job that does landscape-full on an earlier landscape."""
    if step.name != "landscape-full":
        return dict(values)
    kept = {name: value for name, value in settings_of_landscape(run).items() if name not in values}
    _say(step, kept, "landscape", "Give others to change them.", progress)
    return {**kept, **values}


def with_number_of_states_of_before(step: Step, run: RunFiles, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values for a step of a run that an earlier version made with its default of ten states: they stay ten unless another number is given."""
    recorded = read_run_settings(run).get(step.name, {})
    is_kept = step.name in KEEPING_STEPS and "n_states" not in values and not values.get("fresh")
    if is_kept and str(recorded.get("n_states")) == str(DEFAULT_OF_BEFORE):
        return {**values, "n_states": DEFAULT_OF_BEFORE}
    return dict(values)


def _recorded(step: Step, run: RunFiles) -> dict[str, Any]:
    """The settings of the last time that mean something today; paths as they were meant then."""
    known = {field.name for field in dataclasses.fields(step.settings_class)} - set(OF_ONE_TIME)
    plain = {
        name: value for name, value in read_run_settings(run).get(step.name, {}).items() if name in known
    }
    folder = Path(read_manifest(run).get(step.name, {}).get("working_folder", "."))
    settings = settings_from_plain(step, plain, folder, run.root, run.root)
    return {name: getattr(settings, name) for name in plain}


def _say(step: Step, kept: Mapping[str, Any], origin: str, advice: str, progress: Progress) -> None:
    fields = {field.name: field for field in dataclasses.fields(step.settings_class)}
    kept_in_words = [
        f"{flag_of(fields[name])} {_in_words(value)}"
        for name, value in kept.items()
        if value != fields[name].default
    ]
    if kept_in_words:
        progress.say(f"Settings of {origin} are kept: {', '.join(kept_in_words)}. {advice}")


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
