"""Simulated projects that tests share; a test that changes one takes a copy."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tilt_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 particles in 3 tomograms of 31 tilts, 32 px of 8 A, without noise, in all three forms; never changed."""
    from tilt_projects import (
        simulate_small,  # not above: numba reads its number of threads when it is imported
    )

    return simulate_small(tmp_path_factory.mktemp("tilts") / "project")


@pytest.fixture
def own_project(tilt_project: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    from tilt_projects import copied

    return copied(tilt_project, tmp_path)
