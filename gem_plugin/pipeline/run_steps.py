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

from gem_plugin.io.run.aside import (
    can_be_made_aside,
    drop_unfinished_training,
    is_made_aside,
    made_aside,
    unfinished_training,
)
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.lock import locked_run
from gem_plugin.io.run.manifest import input_files, is_unchanged, read_manifest, record_end, record_start
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
from gem_plugin.pipeline.checked_first import check_against_particles
from gem_plugin.pipeline.helping import ask_for_help, check_is_first_process
from gem_plugin.pipeline.last_settings import with_number_of_states_of_before, with_settings_of_landscape
from gem_plugin.pipeline.named_folders import check_outdir, named_folder, replaced_files
from gem_plugin.pipeline.page_while_working import said_in_page, say_times
from gem_plugin.pipeline.settings_of_steps import check_needed_settings, recorded_as_now, settings_of_step
from gem_plugin.pipeline.step_table import RUN_STEPS as RUN_STEPS  # also known from here
from gem_plugin.pipeline.step_table import STEPS, Step, steps_made_stale_by
from gem_plugin.progress import Progress
from gem_plugin.results.recognise import check_is_run
from gem_plugin.settings import check_input_files

NEVER_KEPT = ("report",)  # takes seconds, and shows whatever the run holds by now
SETTINGS_OF_RESUMING = (*SETTINGS_OF_THE_MACHINE, "epochs")  # may change between two starts of one training


def run_steps(
    names: Sequence[str],  # in working order
    run: RunFiles,
    values: dict[str, Any],  # the settings that were given; each step takes those it knows
    progress: Progress,
) -> dict[str, dict[str, Any]]:  # the numbers of each step
    """Do the steps that are not finished yet. All settings are checked before the first step starts."""
    check_is_first_process()
    check_needed_settings(names, values)
    settings = {name: _settings_for(STEPS[name], run, values, progress) for name in names}
    with locked_run(run):
        _check_before_the_first(run, settings, progress)
        for name in names:
            if is_finished(run, name, settings[name]):
                progress.say(f"{name}: already done with these settings, kept")
            else:
                run_step(STEPS[name], run, _resumed_where_possible(run, name, settings[name]), progress)
        if len(names) > 1:
            say_times(run, progress)
    summary = read_summary(run)
    return {name: summary[name] for name in names if name in summary}


def _settings_for(step: Step, run: RunFiles, values: dict[str, Any], progress: Progress) -> Any:
    values = with_number_of_states_of_before(step, run, values)
    return settings_of_step(step, with_settings_of_landscape(step, run, values, progress))


def check_steps(names: Sequence[str], run: RunFiles, values: dict[str, Any], progress: Progress) -> None:
    """Refuse what any of the steps would refuse, for those who start them one by one."""
    check_needed_settings(names, values)
    settings = {
        name: settings_of_step(STEPS[name], with_number_of_states_of_before(STEPS[name], run, values))
        for name in names
    }
    _check_before_the_first(run, settings, progress)


def _check_before_the_first(run: RunFiles, settings: dict[str, Any], progress: Progress) -> None:
    to_do = [name for name in settings if not is_finished(run, name, settings[name])]
    for name in to_do:
        STEPS[name].check_settings(settings[name])
        check_input_files(settings[name])
    check_against_particles(to_do, run, settings, progress)


def run_step(step: Step, run: RunFiles, settings: Any, progress: Progress) -> dict[str, Any]:
    """Do one step: check the settings, record them, do the work, record its numbers."""
    check_is_first_process()
    step.check_settings(settings)
    check_input_files(settings)
    check_outdir(step.name, run, settings)
    if step.name == "report":
        check_is_run(run.root)  # of any other folder it would be an empty page
    start = time.monotonic()
    with (
        locked_run(run),
        said_in_page(step.name, run, settings),
        _working_files(step, run, settings) as (files, own_settings),
    ):
        progress.say(f"{step.name}: {step.help}")
        forget_steps(run, (step.name, *steps_made_stale_by(step.name)))
        write_step_settings(run, step.name, settings)
        if step.name == "train" and files.checkpoint != run.checkpoint:
            progress.say(
                "The training that is there stays as it is until this one has ended; if this one is interrupted, the same "
                "command resumes it."
            )
            write_step_settings(RunFiles(files.checkpoint.parent), step.name, settings)
        with progress.waiting("recording the inputs"):
            record_start(run, step.name, settings)
        ask_for_help(step, files, own_settings)
        with listening(progress.hear) as notices:
            numbers = step.function(files, own_settings, progress)
        record_notices(run, step.name, notices)
        numbers = {**numbers, "seconds": round(time.monotonic() - start, 1)}
        write_step_summary(run, step.name, numbers)
        record_end(run, step.name, numbers.get("ended", ""))
        if "train" in steps_made_stale_by(step.name):
            drop_unfinished_training(run)
    said = [
        f"{name} {value}" for name, value in numbers.items() if name != "ended"
    ]  # a sentence, said before
    progress.say(f"{step.name}: done. " + ", ".join(said))
    return numbers


@contextlib.contextmanager
def _working_files(step: Step, run: RunFiles, settings: Any) -> Iterator[tuple[RunFiles, Any]]:
    """Where the step reads and writes; what it made is put in place when the block ends without an error."""
    if not is_made_aside(step.name, run):
        with records_kept_on_input_error(run):
            yield run, settings
        return
    named = named_folder(step.name, settings)
    elsewhere = [named[1]] if named is not None and can_be_made_aside(step.name, run, named[1]) else []
    replaced = replaced_files(step.name, run, settings)
    start = _start_of_training(run, settings) if step.name == "train" else None
    with made_aside(run, step.name, elsewhere, replaced, start) as files:
        if named is not None:
            settings = dataclasses.replace(settings, **{named[0]: files.where_to_make(named[1])})
        yield files, settings


def _start_of_training(run: RunFiles, settings: Any) -> Path | None:
    """The folder of the checkpoint that a training goes on from: one that was interrupted, else the finished one."""
    if not settings.resume:
        return None
    unfinished = unfinished_training(run)
    return unfinished.root if _is_same_training(unfinished, "train", settings) else run.checkpoint.parent


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
    given = input_files(settings)
    return {key: (given[key], recorded[key]) for key in recorded if key in given}


def _resumed_where_possible(run: RunFiles, name: str, settings: Any) -> Any:
    """Training that was interrupted, or gets more epochs, goes on from its checkpoint."""
    if not any(field.name == "resume" for field in dataclasses.fields(settings)):
        return settings
    unfinished = unfinished_training(run)
    if _is_same_training(run, name, settings) and run.checkpoint.exists():
        return dataclasses.replace(settings, resume=True)
    if _is_same_training(unfinished, name, settings):
        return dataclasses.replace(settings, resume=True)
    return settings


def _is_same_training(files: RunFiles, name: str, settings: Any) -> bool:
    recorded = read_run_settings(files).get(name)
    return recorded is not None and _without(
        recorded_as_now(STEPS[name], recorded), SETTINGS_OF_RESUMING
    ) == _without(plain_settings(settings), SETTINGS_OF_RESUMING)


def _without(values: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
