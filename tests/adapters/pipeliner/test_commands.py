"""From a form to a command line and back, without the pipeliner."""

from pathlib import Path

import pytest

from gem_plugin.adapters.pipeliner.commands import (
    check_job_arguments,
    fields_of_job,
    job_arguments,
    setting_of_message,
)
from gem_plugin.adapters.pipeliner.shown_settings import FORMS
from gem_plugin.adapters.relion.arguments import parse_job_arguments
from gem_plugin.adapters.relion.jobs import JOBS
from gem_plugin.errors import InputError

RUN_INPUTS = {"in_parts": "Refine3D/job003/run_data.star", "in_3dref": "Refine3D/job003/run_class001.mrc"}


def test_only_what_differs_from_the_defaults_is_in_the_command() -> None:
    values = {**RUN_INPUTS, "epochs": None, "box": 128, "n_states": "auto", "contrast": True, "in_mask": ""}
    assert job_arguments("run", "GemEm/job004/", values) == [
        "--o",
        "GemEm/job004/",
        "--in_parts",
        RUN_INPUTS["in_parts"],
        "--in_3dref",
        RUN_INPUTS["in_3dref"],
        "--j",
        "1",
    ]


def test_the_job_reads_the_values_of_the_form() -> None:
    given = {"epochs": 20, "n_states": "6", "contrast": False, "symmetry": "C4", "particle_diameter": 180.0}
    words = job_arguments("run", "GemEm/job004/", {**RUN_INPUTS, **given}, 8, ["--learning_rate", "0.001"])
    request = parse_job_arguments(words, fields_of_job("run"), JOBS["run"].needs_earlier_job)
    assert request.values == {
        **given,
        "n_states": 6,
        "particles": Path(RUN_INPUTS["in_parts"]),
        "map": Path(RUN_INPUTS["in_3dref"]),
        "learning_rate": 0.001,
    }
    assert words[words.index("--j") + 1] == "8"


def test_lists_and_conditions_arrive_whole() -> None:
    values = {
        "in_parts": "GemEm/job004/particles.star",
        "states": "1,3",
        "where": "contrast > 0.5 and defocus_u lt 20000",
    }
    words = job_arguments("select", "GemEm/job005/", values)
    request = parse_job_arguments(words, fields_of_job("select"), True)
    assert request.values == {"states": (1, 3), "where": ("contrast > 0.5 and defocus_u lt 20000",)}


@pytest.mark.parametrize("name", FORMS)
def test_the_form_as_it_comes_is_accepted(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With inputs that scheduled jobs will make."""
    monkeypatch.chdir(tmp_path)
    values = {key: field.default for key, field in fields_of_job(name).items() if key in FORMS[name].settings}
    inputs = {
        "in_parts": "Later/job001/particles.star",
        "in_3dref": "Later/job001/map.mrc",
        "in_mask": "Later/job002/mask.mrc",
    }
    check_job_arguments(name, job_arguments(name, "GemEm/job009/", {**values, **inputs}))


@pytest.mark.parametrize(
    ("name", "words", "message", "setting"),
    [
        ("run", ["--epochs", "0"], "--epochs is 0; expected 1 to 10000", "epochs"),
        ("run", ["--n_states", "many"], "-M is 'many'; expected a whole number, or auto", "n_states"),
        ("run", ["--latnt_size", "3"], "Did you mean --latent_size?", None),
        ("run", ["--n_basis", "8", "--decoder", "mlp"], "--n-basis has no effect with --decoder mlp", None),
        (
            "landscape",
            ["--mask_level", "0.5", "--thresh", "1"],
            "--mask-level has no effect beside",
            "mask_level",
        ),
        ("reconstruct", ["--local_window", "30"], "has no effect without --local-resolution", "local_window"),
        ("select", ["--states", "1,x"], "--states is 'x'; expected a whole number", "states"),
    ],
)
def test_what_the_job_would_refuse_is_refused_before(
    name: str, words: list[str], message: str, setting: str | None
) -> None:
    with pytest.raises(InputError) as caught:
        check_job_arguments(name, ["--o", "GemEm/job009/", *words])
    assert message in str(caught.value)
    assert setting is None or setting_of_message(name, str(caught.value)) == setting


def test_particles_of_another_program_are_no_earlier_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Refine3D").mkdir()
    (tmp_path / "Refine3D" / "run_data.star").touch()
    with pytest.raises(InputError, match="does not belong to a GEM job"):
        check_job_arguments(
            "landscape", job_arguments("landscape", "G/", {"in_parts": "Refine3D/run_data.star"})
        )
