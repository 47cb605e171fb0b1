"""A copy of the run that version 0.1.0 made, which a test may change."""

import shutil
from pathlib import Path

import numpy as np

RUN_OF_0_1_0 = Path(__file__).resolve().parents[1] / "data" / "run_of_0_1_0"


def copy_old_run(folder: Path) -> Path:
    """60 particles, latents, landscape with 3 states, landscape-full with 4; gives the folder of the run.

    The whole project is moved into the folder, and the path of the particle file with it.
    """
    project = folder / "project"
    shutil.copytree(RUN_OF_0_1_0, project)
    table = project / "RUN" / "prepared" / "table.npz"
    with np.load(table) as saved:
        values = {name: saved[name] for name in saved.files}
    values["particle_file"] = np.array(str(project / "simulated" / "particles.star"))
    np.savez(table, **values)
    return project / "RUN"
