"""A CryoSPARC project to convert from."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from cryosparc_rows import make_rows

from gem_plugin.io.cryosparc.files import write_cs_rows


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CryoSPARC project with 25 particles in three stacks, and a working folder beside it."""
    rows = make_rows(25)
    folder = tmp_path / "project"
    write_cs_rows(folder / "J42" / "J42_011_particles.cs", rows)
    random = np.random.default_rng(3)
    for path in np.unique(rows["blob/path"]).tolist():
        stack = folder / path.decode()
        stack.parent.mkdir(parents=True, exist_ok=True)
        with mrcfile.new(stack) as mrc:
            mrc.set_data(random.normal(size=(10, 32, 32)).astype(np.float32))
            mrc.voxel_size = 3.0
    working_folder = tmp_path / "relion"
    working_folder.mkdir()
    monkeypatch.chdir(working_folder)
    return folder
