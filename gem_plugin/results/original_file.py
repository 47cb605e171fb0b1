"""The particle file that a run started from, of whatever kind."""

from pathlib import Path

from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.table import ParticleTable
from gem_plugin.results.expanded_particle_file import open_views
from gem_plugin.results.particle_file import ParticleFile, open_particle_file
from gem_plugin.results.tilt_series_views import open_tilt_series_of_run


def open_original(run: RunFiles, table: ParticleTable, particle_file: Path) -> ParticleFile:
    """Its rows in the order of the run; views where it was expanded there, particles where it has a row per tilt image."""
    if run.prepared_tilt_series.is_file():
        return open_tilt_series_of_run(run)
    if len(table.symmetry) > 1:
        return open_views(particle_file, table)
    return open_particle_file(particle_file, table.image_names, table.file_rows)
