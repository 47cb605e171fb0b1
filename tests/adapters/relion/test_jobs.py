"""The ready-made job.star files: their options are known to the jobs that they start."""

from pathlib import Path

import pytest
import starfile

from gem_plugin.adapters.relion.arguments import parse_job_arguments
from gem_plugin.adapters.relion.jobs import JOBS
from gem_plugin.pipeline.settings_of_steps import fields_of_steps


def command_of(job_star: Path) -> list[str]:
    """The words after the executable, as RELION makes them of an External job."""
    rows = starfile.read(job_star, always_dict=True, parse_as_string=["rlnJobOptionValue"])[
        "joboptions_values"
    ]
    options = dict(zip(rows["rlnJobOptionVariable"], rows["rlnJobOptionValue"].fillna(""), strict=True))
    words = ["--o", "External/job009/", "--in_parts", "particles.star"]
    for number in range(1, 11):
        label, value = options[f"param{number}_label"], options[f"param{number}_value"]
        words += [f"--{label}", *([value] if value else [])] if label else []
    return [*words, "--j", options["nr_threads"], *options["other_args"].split()]


@pytest.mark.parametrize("form", ["job.star", "ccpem.job.star"])
@pytest.mark.parametrize("name", list(JOBS))
def test_every_option_of_a_template_is_known(repository: Path, name: str, form: str) -> None:
    template = repository / "templates/relion" / f"{name}.{form}"
    job = JOBS[name]
    wanted = parse_job_arguments(command_of(template), fields_of_steps(job.steps), job.needs_earlier_job)
    assert wanted.values
    assert wanted.remarks == ()


@pytest.mark.parametrize("name", list(JOBS))
def test_only_the_form_for_relion_has_the_number_that_ccpem_pipeliner_refuses(repository, name) -> None:
    folder = repository / "templates/relion"
    assert "_rlnJobType  " in (folder / f"{name}.job.star").read_text()
    assert "_rlnJobType  " not in (folder / f"{name}.ccpem.job.star").read_text()
    assert "relion.external" in (folder / f"{name}.ccpem.job.star").read_text()
