"""--symmetry: the particles of a symmetric refinement as views, one for each subunit."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.imaging.symmetry import Symmetry, symmetry_operators
from gem_plugin.io.run.excluded import ExcludedParticles
from gem_plugin.particles.expansion import expanded_rows, has_subunits
from gem_plugin.particles.symmetry_check import symmetry_of_map
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Progress
from gem_plugin.results.expanded_particle_file import holds_copies
from gem_plugin.results.particle_file import ParticleFile
from gem_plugin.steps.prepare.settings import PrepareSettings

MINIMUM_FRACTION_WITH_COPIES = 0.01  # of the particles: fewer may be doubles of a join


class Maps(NamedTuple):
    """Map and mask in the box of the particles, where they were given."""

    volume: np.ndarray | None  # (box, box, box), ordered zyx
    mask: np.ndarray | None


def find_symmetry(
    settings: PrepareSettings, particles: ParticleFile, table: ParticleTable, maps: Maps, progress: Progress
) -> Symmetry:
    """The symmetry that was asked for, about the axes that the map has; C1 where none was."""
    if settings.symmetry is None:
        return Symmetry()
    if len(symmetry_operators(settings.symmetry)) == 1:
        return Symmetry()
    _refuse_expanded(settings.symmetry, particles, table)
    if maps.volume is None or settings.map is None:
        raise InputError(
            f"--symmetry {settings.symmetry} needs --map, the map of the symmetric refinement: whether it has that symmetry, "
            "and about which axes, is read from it."
        )
    with progress.waiting(f"symmetry {settings.symmetry} of {Path(settings.map).name}"):
        symmetry = symmetry_of_map(settings.symmetry, maps.volume, maps.mask, Path(settings.map))
    n_particles, order = len(table), len(symmetry)
    progress.say(
        f"Symmetry {symmetry.name}: {n_particles} particles are used in {order} views each, {n_particles * order} in all; "
        "each image is prepared once. With --focus-mask on the subunit that is to be seen, states are states of one subunit."
    )
    return symmetry


def _refuse_expanded(name: str, particles: ParticleFile, table: ParticleTable) -> None:
    """Copies of copies would count every subunit several times."""
    if not holds_copies(particles) and not has_subunits(table, MINIMUM_FRACTION_WITH_COPIES):
        return
    n_particles = len(np.unique(table.particle_indices))
    raise InputError(
        f"{particles.path}: --symmetry {name} is for particles as a symmetric refinement leaves them, but this file is expanded "
        f"by symmetry already: {len(table)} rows show {n_particles} particles. Leave --symmetry out, or give the file that was expanded."
    )


def excluded_views(excluded: ExcludedParticles, symmetry: Symmetry) -> ExcludedParticles:
    """The list of particles as a list of their views."""
    order = len(symmetry)
    return ExcludedParticles(
        expanded_rows(excluded.rows, order),
        [name for name in excluded.image_names for _ in range(order)],
        [reason for reason in excluded.reasons for _ in range(order)],
    )
