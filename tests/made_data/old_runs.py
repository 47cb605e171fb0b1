"""A copy of the run that version 0.1.0 made, which a test may change."""

import tarfile
from pathlib import Path

import numpy as np

RUN_OF_0_1_0 = Path(__file__).resolve().parents[1] / "data" / "run_of_0_1_0.tar.xz"


def unpack_old_run(folder: Path) -> Path:
    """As it was made: its project, with simulated/ and RUN/."""
    with tarfile.open(RUN_OF_0_1_0) as archive:
        archive.extractall(folder)  # our own file
    return folder / "run_of_0_1_0"


def copy_old_run(folder: Path) -> Path:
    """60 particles, latents, landscape with 3 states, landscape-full with 4; gives the folder of the run.

    The whole project is moved into the folder, and the path of the particle file with it.
    """
    project = unpack_old_run(folder).rename(folder / "project")
    table = project / "RUN" / "prepared" / "table.npz"
    with np.load(table) as saved:
        values = {name: saved[name] for name in saved.files}
    values["particle_file"] = np.array(str(project / "simulated" / "particles.star"))
    np.savez(table, **values)
    return project / "RUN"
