"""Tilt series that were expanded by symmetry elsewhere: each view once, and one half-set for all views of a particle."""

from dataclasses import replace

import numpy as np

from gem_plugin.particles.copy_rotations import warn_about_other_rotations
from gem_plugin.particles.duplicates import without_duplicates
from gem_plugin.particles.half_sets import with_half_sets_of_particles
from gem_plugin.particles.tilt_series.saved import table_of_particles
from gem_plugin.particles.tilt_series.table import TiltSeriesParticles


def settle_tilt_views(particles: TiltSeriesParticles, drop_duplicates: bool) -> TiltSeriesParticles:
    """The particles without repeated views, where several rows are views of one; InputError where there are and none may go."""
    if particles.n_particles == len(particles):
        return particles
    table = without_duplicates(table_of_particles(particles), particles.path, drop_duplicates)
    if len(table) < len(particles):
        particles = particles.take(np.isin(particles.file_rows, table.file_rows))
    table = with_half_sets_of_particles(table, particles.path)
    warn_about_other_rotations(table, particles.path)
    return replace(particles, half_sets=table.half_sets)
