"""What the README says exists."""

import re
from pathlib import Path

from gem_plugin.cli.main import available_commands


def test_every_link_leads_to_a_file(repository: Path) -> None:
    for page in [
        repository / "README.md",
        *(repository / "docs").glob("*.md"),
        *repository.glob("benchmarks/*.md"),
    ]:
        targets = re.findall(r"\]\(([^)#]+)\)", page.read_text())
        missing = [name for name in targets if "://" not in name and not (page.parent / name).exists()]
        assert not missing, f"{page.name} points to {missing}"


def test_every_command_that_is_mentioned_exists(repository: Path) -> None:
    text = (repository / "README.md").read_text()
    mentioned = set(re.findall(r"gem-em ([a-z][a-z-]+)", text))
    assert mentioned <= set(available_commands()), mentioned - set(available_commands())
    project = (repository / "pyproject.toml").read_text()
    for program in set(re.findall(r"`(gem-external-[a-z-]+)`", text)):
        assert f"\n{program} = " in project, program


def test_pictures_are_small(repository: Path) -> None:
    for picture in (repository / "docs" / "images").glob("*"):
        assert picture.stat().st_size < 300_000, picture
