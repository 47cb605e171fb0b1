"""A simulated project that a test may change."""

from pathlib import Path

import pytest


@pytest.fixture
def own_project(tilt_project: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    from tilt_projects import copied

    return copied(tilt_project, tmp_path)
