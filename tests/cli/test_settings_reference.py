"""docs/settings.md is made from the settings themselves."""

import dataclasses
from pathlib import Path

from gem_plugin.cli.main import available_commands
from gem_plugin.cli.settings_reference import settings_page
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.settings import flag_of


def test_the_committed_page_is_current(repository: Path) -> None:
    committed = (repository / "docs" / "settings.md").read_text(encoding="utf-8")
    assert committed == settings_page(), (
        "Make it again: python -m gem_plugin.cli.settings_reference > docs/settings.md"
    )


def test_every_command_and_every_setting_is_there() -> None:
    page = settings_page()
    sections = {part.split("\n", 1)[0]: part for part in page.split("\n## ")[1:]}
    assert set(sections) == set(available_commands())
    for name, step in STEPS.items():
        fields = dataclasses.fields(step.settings_class)
        missing = [flag_of(field) for field in fields if f"`{flag_of(field)}`" not in sections[name]]
        assert not missing, f"{name}: {missing}"


def test_no_row_of_a_table_is_broken() -> None:
    for line in settings_page().splitlines():
        if line.startswith("|"):
            assert line.replace("\\|", "").count("|") == 6, line
