"""Whether the particles of a state, or all of them, are a continuum; how long it is and how finely resolved: continuum.csv."""

import numpy as np

from gem_plugin.io.run.outliers import particles_in_states
from gem_plugin.landscape.continuum import Continuum, MotionAlongCurve, find_continuum, motion_along
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.results.continuum import ALL_PARTICLES, StateContinuum, save_continua
from gem_plugin.steps.landscape.job import LandscapeJob
from gem_plugin.steps.landscape.populations import posteriors_of

MAXIMUM_STATES = 20  # that are looked at


def write_continua(
    job: LandscapeJob,
    states: np.ndarray,  # (n,) from 1; 0: none
    is_one_cloud: bool,
) -> tuple[StateContinuum, ...]:
    """Follow the particles of every state, or all of them where states are cuts through one cloud; save and say what was found."""
    counted = particles_in_states(job.run, len(states)) & (states > 0)
    groups = np.where(counted, ALL_PARTICLES if is_one_cloud else states, -1)
    generator, posteriors = np.random.default_rng(job.settings.seed), posteriors_of(job)
    found = []
    with job.progress.waiting("continua"):
        for number in [int(one) for one in np.unique(groups) if one >= 0][:MAXIMUM_STATES]:
            rows = np.flatnonzero(groups == number)
            continuum = find_continuum(posteriors, job.source.latents, rows, generator)
            if continuum is None or not continuum.is_resolved:
                continue
            if (
                np.isfinite(continuum.n_positions) or number == ALL_PARTICLES
            ):  # a state may be all uncertainty
                motion = _motion(job.source, continuum)
                found.append(StateContinuum.of(number, continuum, motion))
    save_continua(job.files, found)
    for one in found:
        job.progress.say(one.sentence)
    return tuple(found)


def _motion(source: VolumeSource, continuum: Continuum) -> MotionAlongCurve | None:
    if source.clouds_at is None:
        return None
    clouds = source.clouds_at(continuum.latents).in_angstroms(source.cloud_pixel_size_in_angstroms)
    return motion_along(clouds.positions.cpu().numpy(), clouds.amplitudes.cpu().numpy())
