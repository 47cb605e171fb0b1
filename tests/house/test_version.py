"""The version has one home."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from gem_plugin.version import __version__


def test_citation_package_and_command_agree(repository: Path) -> None:
    citation = re.search(r"^version: (\S+)$", (repository / "CITATION.cff").read_text(), re.M)
    assert citation is not None
    assert citation[1] == __version__
    project = (repository / "pyproject.toml").read_text()
    assert 'version = { attr = "gem_plugin.version.__version__" }' in project
    assert not re.search(r'^version = "', project, re.M)
    said = subprocess.run(
        [sys.executable, "-m", "gem_plugin", "--version"], capture_output=True, text=True, check=True
    )
    assert said.stdout.split()[-1] == __version__
    assert (repository / "CHANGELOG.md").read_text().split("\n## ")[1].startswith(__version__)
    assert metadata.version("gem-em") == __version__, "install the package again: make install"
