"""A run of simulated tilt series without images: prepared tables, and states that are given."""

from pathlib import Path

import numpy as np
from tilt_projects import RELION, read

from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.particles.tilt_series.saved import save_tilt_series, table_of_particles


def make_tilt_run(
    project: Path, folder: Path, form: str = RELION, states: np.ndarray | None = None
) -> RunFiles:
    """As prepare leaves it, with the states of a landscape where they are given."""
    run = RunFiles(folder)
    particles = read(project / form)
    run.prepared_tilt_series.parent.mkdir(parents=True)
    save_tilt_series(run.prepared_tilt_series, particles, np.ones(len(particles.images), np.float32))
    origin = ParticleOrigin(particles.path, None, particles.box_size, particles.pixel_size_in_angstroms)
    save_prepared_table(run.prepared_table, table_of_particles(particles), np.ones(17), origin)
    if states is not None:
        run.landscape.root.mkdir(parents=True)
        write_array(run.landscape.particle_states, states)
    return run
