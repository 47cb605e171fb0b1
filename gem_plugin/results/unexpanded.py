"""From views back to particles: which particles have enough views among the chosen ones, and one row for each of them."""

from typing import NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.particles.table import ParticleTable
from gem_plugin.results.expanded_particle_file import copies_in_file, recorded_particles
from gem_plugin.results.particle_file import ParticleFile, open_particle_file
from gem_plugin.results.run import Run
from gem_plugin.results.tilt_series_views import TiltSeriesViews


class ParticleRows(NamedTuple):
    """Rows of a particle file, one for each particle."""

    file: ParticleFile
    rows: np.ndarray  # (k,) int64, in the order of the file
    are_original: (
        bool  # False: some rows are copies, whose poses are those of the particle only by the symmetry
    )


def with_enough_views(
    table: ParticleTable,
    rows: np.ndarray,  # (k,) int64: chosen views
    minimum: int,
) -> np.ndarray:  # (m,) int64
    """Those of the chosen views whose particles have at least so many of them; InputError where none is left."""
    particles = table.particle_indices[rows]
    counts = np.bincount(particles)
    kept = rows[counts[particles] >= minimum]
    if len(kept) == 0:
        raise InputError(
            f"--min-subunits is {minimum}, but no particle has more than {int(counts.max(initial=0))} of the chosen views, "
            "so nothing is written. Give a smaller number."
        )
    return kept


def particles_of_views(run: Run, rows: np.ndarray) -> ParticleRows:  # rows (k,) int64: chosen views
    """The particles of which at least one view was chosen, each with its original row where the file holds it.

    A file that was expanded by another program gives the row of the first copy that it has.
    """
    table = run.particles
    is_chosen = np.zeros(int(table.particle_indices.max(initial=-1)) + 1, dtype=bool)
    is_chosen[table.particle_indices[rows]] = True
    if len(table.symmetry) > 1:
        is_original = (table.symmetry_copies == 0) & is_chosen[table.particle_indices]
        originals = np.flatnonzero(is_original)
        rows = np.searchsorted(np.unique(table.file_rows), table.file_rows[originals])
        return ParticleRows(_before_expansion(run), rows, True)
    copies = copies_in_file(run.original)
    order = np.arange(len(table)) if copies is None else np.lexsort((np.arange(len(table)), copies))
    _, first = np.unique(table.particle_indices[order], return_index=True)
    first = np.sort(order[first])
    chosen = first[is_chosen[table.particle_indices[first]]]
    are_original = bool((copies[chosen] == 0).all()) if copies is not None else _all_have_as_many(table)
    return ParticleRows(run.original, chosen, are_original)


def _before_expansion(run: Run) -> ParticleFile:
    """The particle file of a run that was expanded there, with one row for each particle."""
    if isinstance(run.original, TiltSeriesViews):
        return run.original.unexpanded
    recorded = recorded_particles(run.particles)
    return open_particle_file(run.origin.particle_file, recorded.names, recorded.rows)


def _all_have_as_many(table: ParticleTable) -> bool:
    """Whether no view is missing, so that the first of each particle is the original one."""
    counts = np.bincount(table.particle_indices)
    return len(np.unique(counts[counts > 0])) == 1
