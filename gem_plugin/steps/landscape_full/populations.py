"""The populations of the states of landscape-full and of Leiden communities: populations.csv and populations_leiden.csv."""

from gem_plugin.steps.landscape.populations import write_populations_of
from gem_plugin.steps.landscape_full.job import FullLandscapeJob
from gem_plugin.steps.landscape_full.states import ParticleGroups


def write_full_populations(job: FullLandscapeJob, groups: ParticleGroups) -> None:
    """Estimate the fractions of both divisions with the uncertainty of the latents, as landscape does, and save them."""
    write_populations_of(job, groups.states, job.full.populations, "states of landscape-full", "state")
    if groups.leiden is not None:
        write_populations_of(
            job, groups.leiden, job.full.leiden_populations, "Leiden communities", "Leiden community"
        )
