"""docs/commands.md is made from the tables of the programs."""

import re
from pathlib import Path

import pytest

from gem_plugin.adapters.command_reference import commands_page
from gem_plugin.cli.main import available_commands


def test_the_committed_page_is_current(repository: Path) -> None:
    committed = (repository / "docs" / "commands.md").read_text(encoding="utf-8")
    assert committed == commands_page(), (
        "Make it again: python -m gem_plugin.adapters.command_reference > docs/commands.md"
    )


@pytest.mark.parametrize("command", available_commands())
def test_every_command_is_there(command: str) -> None:
    assert f"[`gem-em {command}" in commands_page()


def test_every_installed_program_is_there(repository: Path) -> None:
    programs = re.findall(
        r'^(gem-[\w-]+) = "', (repository / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(programs) > 10
    assert not [name for name in programs if name not in commands_page()]


def test_no_row_of_a_table_is_broken() -> None:
    page = commands_page().replace("\\|", "")
    for table in page.split("\n\n"):
        rows = [line for line in table.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1, table
