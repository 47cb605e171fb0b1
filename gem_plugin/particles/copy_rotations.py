"""Whether the views of one particle are related as symmetry expansion relates them: by rotations common to all particles.

Joined refinements or classes of the same images have views of one particle too, but related by another rotation in each.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from gem_plugin.notices import warn
from gem_plugin.particles.table import ParticleTable

SAMPLED_PAIRS = 1000
SEED = 0
NEAR_IN_DEGREES = 10.0  # local refinements turn every copy a little
SMALLEST_ROTATION_IN_DEGREES = 10.0  # below: two refinements of one image, of which duplicates.py warns
MINIMUM_PAIRS = 300  # to tell common rotations from chance: five for each of the 59 rotations of I
NEIGHBOURS_OVER_CHANCE = 4.0
MINIMUM_FRACTION_COMMON = 0.5  # of the pairs


class CommonRotations(NamedTuple):
    """What was found in pairs of views of one particle."""

    n_pairs: int  # looked at, of views from clearly different sides
    n_common: int  # whose rotation other particles have too

    @property
    def are_common(self) -> bool:
        """Also where there are too few pairs to tell."""
        return self.n_pairs < MINIMUM_PAIRS or self.n_common >= MINIMUM_FRACTION_COMMON * self.n_pairs


def find_common_rotations(table: ParticleTable) -> CommonRotations:
    """Compare the rotations between the first view and a further one of some particles with each other.

    Rotations at random have few others within 10 degrees: a fraction (t - sin t) / pi of all, with t that angle.
    Those of I, which has 59, have one in 59.
    """
    rows = np.arange(len(table))
    first_of_particle = np.zeros(int(table.particle_indices.max(initial=-1)) + 1, dtype=np.int64)
    first_of_particle[table.particle_indices[::-1]] = rows[::-1]  # the first row of each is written last
    first = first_of_particle[table.particle_indices]
    others = np.flatnonzero(first != rows)
    if len(others) > SAMPLED_PAIRS:
        others = np.random.default_rng(SEED).choice(others, SAMPLED_PAIRS, replace=False)
    references = table.rotation_matrices[first[others]].astype(np.float64)
    rotations = np.einsum("nji,njk->nik", references, table.rotation_matrices[others].astype(np.float64))
    is_turned = np.einsum("nii->n", rotations) < _trace(SMALLEST_ROTATION_IN_DEGREES)
    rotations = rotations[is_turned].reshape(-1, 9)
    near = (rotations @ rotations.T > _trace(NEAR_IN_DEGREES)).sum(axis=1) - 1
    angle = np.deg2rad(NEAR_IN_DEGREES)
    by_chance = len(rotations) * (angle - np.sin(angle)) / np.pi
    return CommonRotations(len(rotations), int((near > max(1.0, NEIGHBOURS_OVER_CHANCE * by_chance)).sum()))


def warn_about_other_rotations(table: ParticleTable, particle_file: Path) -> None:
    """Say where views of one particle are not copies by any symmetry."""
    if len(table.symmetry) > 1 or int(table.particle_indices.max(initial=-1)) + 1 == len(table):
        return
    found = find_common_rotations(table)
    if not found.are_common:
        warn(
            f"{particle_file}: the views of one particle are not related as by symmetry expansion: of {found.n_pairs} pairs that were "
            f"compared, {found.n_common} are related by a rotation that other particles have too. Were refinements or classes of the same "
            "images joined, or refined anew without restraint after the expansion? All views of a particle stay together in half-sets "
            "and validation, but they are not its subunits, and subunits.csv is not written."
        )


def _trace(degrees: float) -> float:
    """Of a rotation matrix by that angle."""
    return 1 + 2 * float(np.cos(np.deg2rad(degrees)))
