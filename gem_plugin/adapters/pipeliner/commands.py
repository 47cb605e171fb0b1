"""The command of a job from what its form holds, and the check of that command before anything runs.

Nothing of the pipeliner is needed here, and no step is imported: what is refused is refused by the same code as in the job.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gem_plugin.adapters.earlier_job import find_earlier_job
from gem_plugin.adapters.pipeliner.shown_settings import FORMS, MASK, PARTICLES
from gem_plugin.adapters.relion.arguments import parse_job_arguments
from gem_plugin.adapters.relion.jobs import JOBS
from gem_plugin.pipeline.settings_of_steps import fields_of_steps, settings_of_step
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.settings import flag_of


def fields_of_job(name: str) -> dict[str, dataclasses.Field]:
    """Every setting that a job knows, by name."""
    return fields_of_steps(JOBS[name].steps)


def job_arguments(
    name: str,  # of the form
    folder: str,  # GemEm/job005/
    values: Mapping[str, Any],  # inputs and settings as the form holds them; empty ones are not used
    n_threads: int = 1,
    additional: Sequence[str] = (),
) -> list[str]:
    """The words after the program's name: inputs, the settings that differ from their defaults, threads, additional ones."""
    form, fields = FORMS[name], fields_of_job(name)
    words = ["--o", folder]
    for key in form.inputs:
        if values.get(key):
            words += [f"--{key}", str(values[key])]
    for key in form.settings:
        value = values.get(key)
        if value not in (None, "") and _text(value) != _text(fields[key].default):
            words += [f"--{key}", _text(value)]
    return [*words, "--j", str(n_threads), *additional]


def check_job_arguments(name: str, arguments: Sequence[str]) -> None:
    """Raise InputError for what the job would refuse at its start. Files that are not there yet may still be made."""
    job, fields = JOBS[name], fields_of_job(name)
    request = parse_job_arguments(arguments, fields, job.needs_earlier_job)
    values = {key: value for key, value in request.values.items() if not _is_missing_file(value)}
    for step in job.steps:
        STEPS[step].check_settings(settings_of_step(STEPS[step], values))
    particles = request.input_particles
    if job.needs_earlier_job and particles is not None and particles.is_file():
        find_earlier_job(request.run, particles)


def setting_of_message(name: str, message: str) -> str | None:
    """The name of the input or setting whose flag a message begins with."""
    flag = message.split(maxsplit=1)[0].rstrip(":,") if message.strip() else ""
    keys = {flag_of(field): key for key, field in fields_of_job(name).items()}
    keys |= {"--" + key: key for key in (PARTICLES, MASK)} | {"--particles": PARTICLES, "--mask": MASK}
    return keys.get(flag)


def _is_missing_file(value: Any) -> bool:
    return isinstance(value, Path) and not value.exists()


def _text(value: Any) -> str:
    """A value as it is typed: yes and no, lists joined by commas, 2.0 as 2."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    return f"{value:.10g}" if isinstance(value, float) else str(value)
