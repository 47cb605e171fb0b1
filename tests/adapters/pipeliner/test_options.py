"""Options of the forms against the settings dataclasses."""

from pathlib import Path

import pytest

options_of_pipeliner = pytest.importorskip("pipeliner.job_options")

from gem_plugin.adapters.pipeliner.commands import fields_of_job  # noqa: E402
from gem_plugin.adapters.pipeliner.options import options_of  # noqa: E402
from gem_plugin.adapters.pipeliner.shown_settings import FORMS, LABELS  # noqa: E402
from gem_plugin.settings import kind_of  # noqa: E402


@pytest.mark.parametrize("name", FORMS)
def test_default_limits_choices_and_help_are_those_of_the_setting(name: str) -> None:
    options, fields = options_of(FORMS[name]), fields_of_job(name)
    for key in FORMS[name].settings:
        option, field = options[key], fields[key]
        assert (option.label, option.help_text) == (LABELS[key], field.metadata["help"])
        assert option.in_continue == (key in FORMS[name].may_change)
        if field.metadata["choices"]:
            assert option.choices == list(field.metadata["choices"])
        if (
            kind_of(field).item in (int, float)
            and not kind_of(field).is_list
            and not kind_of(field).may_be_automatic
        ):
            assert (option.hard_min, option.hard_max) == (
                field.metadata["minimum"],
                field.metadata["maximum"],
            )
        default = field.default if field.default is not None else None
        if isinstance(default, tuple):
            default = ",".join(default)
        assert option.value == default or (default is None and option.value in (None, ""))
        assert not [one for one in option.validate() if one.type == "error"]


def test_types_follow_the_annotations() -> None:
    options = {**options_of(FORMS["run"]), **options_of(FORMS["select"]), **options_of(FORMS["landscape"])}
    found = {
        key: options[key].joboption_type
        for key in ("epochs", "box", "particle_diameter", "contrast", "n_states")
    }
    assert found == {
        "epochs": "INT",
        "box": "INT",
        "particle_diameter": "FLOAT",
        "contrast": "BOOLEAN",
        "n_states": "STRING",
    }
    assert options["source"].joboption_type == "MULTIPLECHOICE"
    assert options["focus_mask"].joboption_type == options["in_parts"].joboption_type == "INPUTNODE"


@pytest.mark.parametrize(
    ("text", "is_fine"), [("auto", True), ("6", True), (" 6 ", True), ("six", False), ("2.5", False)]
)
def test_a_number_of_states_may_be_automatic(text: str, is_fine: bool) -> None:
    option = options_of(FORMS["run"])["n_states"]
    option.value = text
    assert (not option.validate()) is is_fine


def test_particles_of_a_gem_job_are_found_by_their_keywords(project_folder: Path) -> None:
    first, later = (options_of(FORMS[name])["in_parts"] for name in ("run", "landscape"))
    first.value = later.value = "GemEm/job001/particles.star"
    assert [node.type for node in first.get_input_nodes()] == ["ParticleGroupMetadata.star.relion"]
    assert [node.type for node in later.get_input_nodes()] == ["ParticleGroupMetadata.star.relion.gem"]
