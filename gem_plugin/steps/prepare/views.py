"""Several rows of one image, as symmetry expansion makes them: each view once, one half-set a particle, images told apart."""

from pathlib import Path

import numpy as np

from gem_plugin.particles.copy_rotations import warn_about_other_rotations
from gem_plugin.particles.duplicates import without_duplicates
from gem_plugin.particles.half_sets import with_half_sets_of_particles
from gem_plugin.particles.identity import merge_linked_stacks
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Progress


def settle_views(
    table: ParticleTable,
    particle_file: Path,
    stack_paths: dict[str, Path],  # by the name in the table
    drop_duplicates: bool,
    progress: Progress,
) -> ParticleTable:
    """The table with links taken as what they lead to, without repeated views, and with one half-set a particle."""
    table = merge_linked_stacks(table, stack_paths)
    table = without_duplicates(table, particle_file, drop_duplicates)
    table = with_half_sets_of_particles(table, particle_file)
    warn_about_other_rotations(table, particle_file)
    if counts_of_views(table):
        progress.say(f"Particles: {table.counts}")
    return table


def table_of_images(table: ParticleTable) -> ParticleTable:
    """One row an image, in the order of image_indices: the first row that shows it."""
    if table.n_images == len(table):
        return table
    _, first_rows = np.unique(table.image_indices, return_index=True)
    return table.take(first_rows)


def counts_of_views(table: ParticleTable) -> dict[str, int]:
    """For the summary, where rows share images or particles: how many of each."""
    n_particles = int(table.particle_indices.max(initial=-1)) + 1
    if n_particles == len(table):
        return {}
    return {"physical_particles": n_particles, "images": table.n_images, "views": len(table)}
