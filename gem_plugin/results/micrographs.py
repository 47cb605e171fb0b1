"""Which particles belong together when samples are drawn again for an error: those of one micrograph.

Particles of a micrograph share ice, defocus, dose and their part of the grid, so they are not independent of each other.
"""

from typing import NamedTuple

import numpy as np

from gem_plugin.particles.identity import numbered
from gem_plugin.particles.table import ParticleTable
from gem_plugin.results.particle_file import ParticleFile

MICROGRAPHS, STACKS, PARTICLES = "micrographs", "image stacks", "particles"
MINIMUM_GROUPS = 10  # fewer, drawn with replacement, say little about an error
MINIMUM_OF_A_SAMPLE = 5  # of two samples: 252 permutations


class DrawnGroups(NamedTuple):
    """A number for each row, equal where rows are drawn together."""

    kind: str  # MICROGRAPHS, STACKS or PARTICLES
    numbers: np.ndarray  # (n,) int64 from 0


def groups_of_particles(
    table: ParticleTable,
    original: ParticleFile | None,  # None: the file is not asked
    counted: np.ndarray,  # (n,) bool: rows that count
    samples: np.ndarray
    | None = None,  # (n,) int64 from 1; 0: none. Then each must have at least MINIMUM_OF_A_SAMPLE
) -> DrawnGroups:
    """Micrographs where at least ten are known of the rows that count, else image stacks, else particles with their views."""
    names = None if original is None else original.micrographs
    for kind, values in ((MICROGRAPHS, names), (STACKS, table.stack_names)):
        if values is not None:
            numbers = numbered(values)
            if _are_enough(numbers, counted, samples):
                return DrawnGroups(kind, numbers)
    return DrawnGroups(PARTICLES, table.particle_indices)


def _are_enough(numbers: np.ndarray, counted: np.ndarray, samples: np.ndarray | None) -> bool:
    if len(np.unique(numbers[counted])) < MINIMUM_GROUPS:
        return False
    compared = [] if samples is None else range(1, int(samples.max()) + 1)
    return all(
        len(np.unique(numbers[counted & (samples == sample)])) >= MINIMUM_OF_A_SAMPLE for sample in compared
    )
