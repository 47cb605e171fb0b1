"""One half-set for all views of a particle: views share the noise of its image, so both half-maps would."""

import dataclasses
from pathlib import Path

import numpy as np

from gem_plugin.notices import warn
from gem_plugin.particles.table import ParticleTable

SEED = 0


def with_half_sets_of_particles(table: ParticleTable, particle_file: Path) -> ParticleTable:
    """The table, where particles with views in both half-sets are dealt out anew, as many to each, with a warning."""
    particles = table.particle_indices
    n_particles = int(particles.max(initial=-1)) + 1
    if n_particles == len(table):
        return table
    views = [np.bincount(particles, table.half_sets == half, n_particles) for half in (1, 2)]
    of_particles = np.where(views[0] > 0, 1, np.where(views[1] > 0, 2, 0)).astype(table.half_sets.dtype)
    is_in_both = (views[0] > 0) & (views[1] > 0)
    n_in_both = int(is_in_both.sum())
    if n_in_both:
        halves = np.arange(n_in_both) % 2 + 1
        of_particles[is_in_both] = np.random.default_rng(SEED).permutation(halves)
        warn(
            f"{particle_file}: {n_in_both} of {n_particles} particles have views in both half-sets (rlnRandomSubset, or "
            "alignments3D/split), which then share noise: they were divided after the expansion by symmetry. Here all views of such a "
            "particle go to one half-set, drawn at random; for the next refinement divide the particles before they are expanded."
        )
    return dataclasses.replace(table, half_sets=of_particles[particles])


def random_half_sets(particle_indices: np.ndarray, seed: int) -> np.ndarray:  # (n,) 0 or 1
    """All views of a particle in one half, drawn at random."""
    n_particles = int(particle_indices.max(initial=-1)) + 1
    return np.random.default_rng(seed).integers(0, 2, n_particles)[particle_indices]
