"""A run that version 0.1.0 made, in a folder of the test."""

import shutil
from pathlib import Path

import numpy as np
import pytest

MADE_BY_0_1_0 = Path(__file__).parent.parent / "data" / "run_of_0_1_0"


@pytest.fixture
def old_run(tmp_path: Path) -> Path:
    """The whole project moved here: 60 particles, latents, landscape with 3 states, landscape-full with 4."""
    project = tmp_path / "project"
    shutil.copytree(MADE_BY_0_1_0, project)
    table = project / "RUN" / "prepared" / "table.npz"
    with np.load(table) as saved:
        values = {name: saved[name] for name in saved.files}
    values["particle_file"] = np.array(str(project / "simulated" / "particles.star"))
    np.savez(table, **values)
    return project / "RUN"
