"""Settings of GEM as options of a form in the pipeliner: type, limits, choices, default and help from the same fields."""

import dataclasses
import math
from pathlib import Path

from pipeliner.job_options import (
    BooleanJobOption,
    FileDescription,
    FloatJobOption,
    InputNodeJobOption,
    IntJobOption,
    JobOption,
    MultipleChoiceJobOption,
    StringJobOption,
)
from pipeliner.nodes import NODE_DENSITYMAP, NODE_MASK3D, NODE_PARTICLEGROUPMETADATA

from gem_plugin.adapters.pipeliner.commands import fields_of_job
from gem_plugin.adapters.pipeliner.shown_settings import LABELS, MAP, MASK, PARTICLES, JobForm
from gem_plugin.adapters.relion.jobs import JOBS
from gem_plugin.settings import Kind, kind_of

ADVANCED_GROUP = "Advanced"
STAR_FILES, MAP_FILES = FileDescription("Star files", [".star"]), FileDescription("Maps", [".mrc"])
HELP_OF_INPUTS = {
    PARTICLES: "Particles with poses and CTF, as run_data.star of a refinement; image names are relative to this project.",
    MAP: "The map of that refinement, of the same particles.",
    MASK: "Mask, 0 to 1. May stay empty.",
}
EARLIER_JOB = (
    "Particles of a finished GEM job of this project (particles.star): its folder holds what this job reads."
)


def options_of(form: JobForm) -> dict[str, JobOption]:
    """Inputs and settings of a form, in the order in which they are shown."""
    fields = fields_of_job(form.name)
    inputs = {key: _input_option(key, JOBS[form.name].needs_earlier_job) for key in form.inputs}
    main = {key: _setting_option(fields[key], form, "Main") for key in form.main}
    advanced = {key: _setting_option(fields[key], form, ADVANCED_GROUP) for key in form.advanced}
    return {**inputs, **main, **advanced}


def _input_option(key: str, is_of_earlier_job: bool) -> JobOption:
    if key == PARTICLES:
        return InputNodeJobOption(
            label="Particles of a GEM job" if is_of_earlier_job else LABELS[key],
            node_type=NODE_PARTICLEGROUPMETADATA,
            node_kwds=["relion", "gem"] if is_of_earlier_job else ["relion"],
            pattern=STAR_FILES,
            help_text=EARLIER_JOB if is_of_earlier_job else HELP_OF_INPUTS[key],
            is_required=True,
        )
    return InputNodeJobOption(
        label=LABELS[key],
        node_type=NODE_DENSITYMAP if key == MAP else NODE_MASK3D,
        pattern=MAP_FILES,
        help_text=HELP_OF_INPUTS[key],
        is_required=key == MAP,
    )


def _setting_option(field: dataclasses.Field, form: JobForm, group: str) -> JobOption:
    """The option of one setting; empty where the default is chosen from the data."""
    kind, choices = kind_of(field), field.metadata.get("choices")
    usual = {
        "label": LABELS[field.name],
        "help_text": field.metadata["help"],
        "in_continue": field.name in form.may_change,
        "jobop_group": group,
    }
    if choices:
        return MultipleChoiceJobOption(choices=list(choices), default_value=field.default, **usual)
    if kind.is_list or kind.may_be_automatic or kind.item is str:
        return _text_option(field, kind, usual)
    if kind.item is Path:
        return InputNodeJobOption(node_type=NODE_MASK3D, pattern=MAP_FILES, **usual)
    if kind.item is bool:
        return BooleanJobOption(default_value=field.default, **usual)
    return _number_option(field, kind, usual)


def _text_option(field: dataclasses.Field, kind: Kind, usual: dict) -> JobOption:
    default = field.default or ""
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    if not kind.may_be_automatic:
        return StringJobOption(default_value=default, **usual)
    return StringJobOption(
        default_value=str(default),
        validation_regex=r"\s*(auto|\d+)\s*$" if kind.item is int else None,
        regex_error_message=f"Expected {kind.in_words}.",
        **usual,
    )


def _number_option(field: dataclasses.Field, kind: Kind, usual: dict) -> JobOption:
    minimum, maximum = field.metadata.get("minimum"), field.metadata.get("maximum")
    if kind.item is float:
        return FloatJobOption(
            default_value=field.default,
            hard_min=None if minimum is None else float(minimum),
            hard_max=None if maximum is None else float(maximum),
            **usual,
        )
    return IntJobOption(
        default_value=field.default,
        hard_min=None if minimum is None else math.ceil(minimum),
        hard_max=None if maximum is None else math.floor(maximum),
        **usual,
    )
