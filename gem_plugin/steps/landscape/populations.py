"""The populations of the states with their errors: populations.csv."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gem_plugin.io.array_files import read_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.outliers import particles_in_states
from gem_plugin.landscape.populations import Posteriors, estimate_populations
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.notices import note, warn
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Progress
from gem_plugin.results.micrographs import PARTICLES, DrawnGroups, groups_of_particles
from gem_plugin.results.particle_file import ParticleFile
from gem_plugin.results.populations import StatePopulations
from gem_plugin.results.run import Run
from gem_plugin.steps.landscape.job import LandscapeJob

MAXIMUM_FITTED_STATES = (
    50  # the fit takes the third power of their number: 21 take seconds, 75 minutes, 270 hours
)
DOMINATED = 0.5  # fraction of the variance of a state that is from one micrograph


class JobWithStates(Protocol):
    """A call of landscape or of landscape-full."""

    @property
    def source(self) -> VolumeSource: ...

    @property
    def run(self) -> RunFiles: ...

    @property
    def settings(self) -> Any: ...  # with a seed

    @property
    def progress(self) -> Progress: ...

    @property
    def original(self) -> ParticleFile | None: ...


def write_populations(
    job: LandscapeJob,
    states: np.ndarray,  # (n,) from 1; 0: none
) -> StatePopulations:
    """Estimate the fractions of the states of landscape and save them."""
    return write_populations_of(job, states, job.files.populations, "states", "state")


def write_populations_of(
    job: JobWithStates,
    states: np.ndarray,  # (n,) from 1; 0: none
    path: Path,
    all_of_them: str,  # "states", "Leiden communities"
    one: str,
) -> StatePopulations:
    """Estimate the fractions of a set of states, save them, and warn where one group of particles decides them."""
    path.unlink(missing_ok=True)
    counted = particles_in_states(job.run, len(states)) & (states > 0)
    posteriors, n_states = posteriors_of(job), int(states.max(initial=0))
    if posteriors is not None and n_states > MAXIMUM_FITTED_STATES:
        posteriors = None
        note(
            f"The populations of {n_states} {all_of_them} are counted: with the uncertainty of the latents they are "
            f"estimated for at most {MAXIMUM_FITTED_STATES}. Those that overlap are then biased."
        )
    with job.progress.waiting(f"populations of the {all_of_them}"):
        table = Run(job.run).table_if_there
        groups = (
            DrawnGroups(PARTICLES, np.arange(len(states)))
            if table is None
            else groups_of_particles(table, job.original, counted)
        )
        found = estimate_populations(
            posteriors,
            np.where(counted, states, 0),
            groups.numbers,
            np.random.default_rng(job.settings.seed),
            None if table is None else weights_of_views(table, counted),
        )
    populations = StatePopulations.of(found, groups.kind, posteriors is not None)
    populations.write(path)
    if groups.kind != PARTICLES and found.largest_influence > DOMINATED:
        kind = groups.kind.removesuffix("s")
        warn(
            f"{found.largest_influence:.0%} of the variance of a {one}'s population is from one {kind}: its interval is not "
            f"reliable. Look at the {groups.kind} of its particles."
        )
    return populations


def posteriors_of(job: JobWithStates) -> Posteriors | None:
    """The latents with their uncertainty; None where the model gives none."""
    path = job.run.latents_std
    if not path.is_file():
        return None
    deviations = read_array(path, f"gem-em train {job.run.root}")
    latents = job.source.latents
    return Posteriors(latents, deviations) if deviations.shape == latents.shape else None


def weights_of_views(table: ParticleTable, counted: np.ndarray) -> np.ndarray:  # (n,)
    """Each particle counts once: its views by one over how many of them are counted."""
    views = np.bincount(table.particle_indices, counted)
    return 1 / np.maximum(views[table.particle_indices], 1)
