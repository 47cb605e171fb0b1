"""A project of the pipeliner to work in."""

from pathlib import Path

import pytest


@pytest.fixture
def project_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and the working folder, as the pipeliner uses the working folder throughout."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
