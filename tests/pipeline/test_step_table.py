"""Every step has what the table promises: settings that know themselves, a function, and needs that come before it."""

import dataclasses
import inspect
from typing import Any

import pytest

from gem_plugin.io.run.settings import plain_settings
from gem_plugin.pipeline.settings_of_steps import fields_of_steps, recorded_as_now
from gem_plugin.pipeline.step_table import STEPS, Step, steps_made_stale_by, steps_needed_by
from gem_plugin.settings import check_settings, coerced, kind_of, settings_from_values


@pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))
def test_settings_have_help_a_kind_and_a_default_within_their_limits(step: Step) -> None:
    settings = step.settings_class()
    check_settings(settings)
    for field in dataclasses.fields(settings):
        assert len(field.metadata["help"]) > 10, field.name
        kind = kind_of(field)
        default = getattr(settings, field.name)
        assert coerced(field, default) == default or (default is None and kind.may_be_none)


@pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))
def test_settings_come_back_from_what_is_recorded(step: Step) -> None:
    settings = step.settings_class()
    recorded = plain_settings(settings)
    assert settings_from_values(step.settings_class, recorded) == settings
    assert recorded_as_now(step, recorded) == recorded
    as_text: dict[str, Any] = {
        name: str(value) for name, value in recorded.items() if not isinstance(value, list)
    }
    again = recorded_as_now(step, as_text)
    assert again == {name: recorded[name] for name in as_text}


@pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))
def test_functions_take_the_run_its_settings_and_progress(step: Step) -> None:
    assert step.is_there
    assert list(inspect.signature(step.function).parameters)[1:] == ["settings", "progress"]


def test_what_a_step_needs_comes_before_it() -> None:
    names = list(STEPS)
    for step in STEPS.values():
        assert all(names.index(needed) < names.index(step.name) for needed in step.needs)
    assert steps_made_stale_by("train")[:3] == ("analyze", "eval-vol", "landscape")
    assert steps_needed_by(["landscape"]) == ("prepare", "consensus", "train")


def test_a_name_that_steps_share_means_the_same_in_all() -> None:
    fields = fields_of_steps(["prepare", "consensus", "train", "landscape", "report"])
    assert fields["seed"].type is int
    assert "workdir" not in fields, "another meaning beside other steps"
