"""Command lines as RELION writes them: nothing is quoted."""

from dataclasses import fields
from pathlib import Path

import pytest

from gem_plugin.adapters.relion.arguments import parse_job_arguments
from gem_plugin.adapters.relion.jobs import JOBS
from gem_plugin.errors import InputError
from gem_plugin.pipeline.settings_of_steps import fields_of_steps
from gem_plugin.steps.select.settings import SelectSettings

SELECT_FIELDS = {field.name: field for field in fields(SelectSettings)}


def where_of(words: str) -> tuple[str, ...]:
    arguments = ["--o", "External/job005/", *words.split(), "--j", "2"]
    return parse_job_arguments(arguments, SELECT_FIELDS, needs_earlier_job=True).values["where"]


def test_words_of_a_condition_arrive_as_one_value() -> None:
    assert where_of("--where contrast gt 0.5") == ("contrast gt 0.5",)
    assert where_of("--where contrast between -0.2 and 0.8, state eq 2") == (
        "contrast between -0.2 and 0.8",
        "state eq 2",
    )


def test_words_behind_other_options_are_refused() -> None:
    with pytest.raises(InputError, match="Unexpected word '3'"):
        where_of("--states 1, 3 --where state eq 2")


def test_samples_are_params_of_the_external_jobs() -> None:
    """As RELION writes them: without quotes."""
    words = "--o External/job005/ --compare micrograph:_ --compare_table own.csv --samples apo=a.star,atp=b.star --j 4"
    values = parse_job_arguments(words.split(), fields_of_steps(JOBS["run"].steps), False).values
    assert values == {
        "compare": "micrograph:_",
        "compare_table": Path("own.csv"),
        "samples": ("apo=a.star", "atp=b.star"),
    }
    assert "compare" in fields_of_steps(JOBS["landscape"].steps)


@pytest.mark.parametrize("name", ["run", "train", "landscape", "landscape-full", "reconstruct"])
def test_the_figure_for_a_paper_is_a_param_of_every_job_with_a_report(name: str) -> None:
    fields, needs_earlier_job = fields_of_steps(JOBS[name].steps), JOBS[name].needs_earlier_job
    for words in ("--paper_figure", "--paper_figure yes"):
        arguments = ["--o", "External/job005/", *words.split(), "--j", "4"]
        assert parse_job_arguments(arguments, fields, needs_earlier_job).values == {"paper_figure": True}
