"""Several steps after each other in one run folder; finished steps are kept when the run is continued.

A step counts as finished when summary.json has its numbers, settings.toml has the same settings, its input files are
unchanged, and no step whose results it reads was done again since.
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gem_plugin.io.run.aside import can_be_made_aside, is_made_aside, made_aside
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.lock import locked_run
from gem_plugin.io.run.manifest import is_unchanged, read_manifest, record_end, record_start
from gem_plugin.io.run.notices import record_notices
from gem_plugin.io.run.settings import (
    SETTINGS_OF_THE_MACHINE,
    forget_steps,
    plain_settings,
    read_run_settings,
    read_summary,
    records_kept_on_input_error,
    write_step_settings,
    write_step_summary,
)
from gem_plugin.notices import listening
from gem_plugin.pipeline.last_settings import with_settings_of_landscape
from gem_plugin.pipeline.main_process import is_main_process
from gem_plugin.pipeline.settings_of_steps import check_needed_settings, recorded_as_now, settings_of_step
from gem_plugin.pipeline.step_table import STEPS, Step, steps_made_stale_by
from gem_plugin.progress import Progress
from gem_plugin.results.recognise import check_is_run
from gem_plugin.settings import check_input_files, check_settings

RUN_STEPS = ("prepare", "consensus", "train", "analyze", "landscape", "report")
NEVER_KEPT = ("report",)  # takes seconds, and shows whatever the run holds by now
# torchrun's other processes have nothing to do in these; several devices share the decoding of maps within one process
STEPS_OF_THE_FIRST_PROCESS = ("analyze", "landscape", "landscape-full", "report")
FOLDER_SETTINGS = (
    "outdir",
    "landscape_dir",
)  # another folder for the results: the first one that is given is filled
SETTINGS_OF_RESUMING = (*SETTINGS_OF_THE_MACHINE, "epochs")  # may change between two starts of one training


def run_steps(
    names: Sequence[str],  # in working order
    run: RunFiles,
    values: dict[str, Any],  # the settings that were given; each step takes those it knows
    progress: Progress,
) -> dict[str, dict[str, Any]]:  # the numbers of each step
    """Do the steps that are not finished yet. All settings are checked before the first step starts."""
    check_needed_settings(names, values)
    settings = {
        name: settings_of_step(STEPS[name], with_settings_of_landscape(STEPS[name], run, values, progress))
        for name in names
    }
    with locked_run(run) if is_main_process() else contextlib.nullcontext():
        for name in names:
            if not is_finished(run, name, settings[name]):
                check_input_files(settings[name])  # of all steps, before the first one begins
        for name in names:
            if is_finished(run, name, settings[name]):
                progress.say(f"{name}: already done with these settings, kept")
            else:
                run_step(STEPS[name], run, _resumed_where_possible(run, name, settings[name]), progress)
    summary = read_summary(run)
    return {name: summary[name] for name in names if name in summary}


def run_step(step: Step, run: RunFiles, settings: Any, progress: Progress) -> dict[str, Any]:
    """Do one step: check the settings, record them, do the work, record its numbers."""
    check_settings(settings)
    check_input_files(settings)
    if step.name == "report":
        check_is_run(run.root)  # of any other folder it would be an empty page
    if not is_main_process():  # of torchrun's processes, the first one keeps the records
        if step.name in STEPS_OF_THE_FIRST_PROCESS:
            return {}
        with listening(lambda notice: None):  # the first one says it
            return step.function(run, settings, progress)  # the others help with the work
    start = time.monotonic()
    with locked_run(run), _working_files(step, run, settings) as (files, own_settings):
        progress.say(f"{step.name}: {step.help}")
        forget_steps(run, (step.name, *steps_made_stale_by(step.name)))
        write_step_settings(run, step.name, settings)
        with progress.waiting("recording the inputs"):
            record_start(run, step.name, settings)
        with listening(progress.hear) as notices:
            numbers = step.function(files, own_settings, progress)
        record_notices(run, step.name, notices)
        numbers = {**numbers, "seconds": round(time.monotonic() - start, 1)}
        write_step_summary(run, step.name, numbers)
        record_end(run, step.name)
    progress.say(f"{step.name}: done. " + ", ".join(f"{name} {value}" for name, value in numbers.items()))
    return numbers


@contextlib.contextmanager
def _working_files(step: Step, run: RunFiles, settings: Any) -> Iterator[tuple[RunFiles, Any]]:
    """Where the step reads and writes; what it made is put in place when the block ends without an error."""
    if not is_made_aside(step.name):
        with records_kept_on_input_error(run):
            yield run, settings
        return
    given = {
        name: folder for name in FOLDER_SETTINGS if (folder := getattr(settings, name, None)) is not None
    }
    filled = list(given.values())[:1]
    elsewhere = [folder for folder in filled if can_be_made_aside(run, folder)]
    with made_aside(run, step.name, elsewhere) as files:
        if given:
            name = next(iter(given))
            settings = dataclasses.replace(settings, **{name: files.where_to_make(given[name])})
        yield files, settings


def is_finished(run: RunFiles, name: str, settings: Any) -> bool:
    """Whether the step is done with exactly these settings, and with these input files as they are now."""
    if name in NEVER_KEPT or name not in read_summary(run):
        return False
    recorded = recorded_as_now(STEPS[name], read_run_settings(run).get(name, {}))
    inputs = _inputs_that_are_there(run, name, settings)
    left_out = (*SETTINGS_OF_THE_MACHINE, "fresh", *inputs)
    return _without(recorded, left_out) == _without(plain_settings(settings), left_out) and all(
        is_unchanged(path, identity) for path, identity in inputs.values()
    )


def _inputs_that_are_there(run: RunFiles, name: str, settings: Any) -> dict[str, tuple[Path, dict[str, Any]]]:
    """Input files by setting, each with what was recorded of it; they are compared by place and content, not by name."""
    recorded = read_manifest(run).get(name, {}).get("inputs", {})
    given = {key: getattr(settings, key, None) for key in recorded}
    return {
        key: (path, recorded[key]) for key, path in given.items() if isinstance(path, Path) and path.is_file()
    }


def _resumed_where_possible(run: RunFiles, name: str, settings: Any) -> Any:
    """Training that was interrupted, or gets more epochs, goes on from its checkpoint."""
    if not any(field.name == "resume" for field in dataclasses.fields(settings)):
        return settings
    recorded = read_run_settings(run).get(name)
    is_same_training = recorded is not None and _without(
        recorded_as_now(STEPS[name], recorded), SETTINGS_OF_RESUMING
    ) == _without(plain_settings(settings), SETTINGS_OF_RESUMING)
    if is_same_training and run.checkpoint.exists():
        return dataclasses.replace(settings, resume=True)
    return settings


def _without(values: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
