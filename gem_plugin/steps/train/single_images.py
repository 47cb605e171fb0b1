"""The images of a run one by one, whoever owns them: what the consensus is fitted to."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.table import ParticleTable
from gem_plugin.particles.tilt_series.prepared import load_prepared_tilt_series
from gem_plugin.steps.train.images import observations_of_tilt_series, open_observations, rows_used


class SingleImages(NamedTuple):
    """m images, each a particle of its own to the engine; `observations.particle_indices` says whose it is."""

    observations: Observations
    table: ParticleTable  # a row a particle
    rows: Tensor  # (k,) int64: images that may be used
    optics_groups: np.ndarray  # (m,) int64
    are_tilts: bool


def open_single_images(run: RunFiles) -> SingleImages:
    """Single-particle images as they are; tilt images without their particles."""
    if not run.prepared_tilt_series.is_file():
        observations, table = open_observations(run)
        return SingleImages(observations, table, rows_used(run, len(table)), table.optics_groups, False)
    prepared = load_prepared_tilt_series(run)
    observations = observations_of_tilt_series(prepared, are_single=True)
    owners = prepared.particles.images.particle_indices
    is_used = prepared.is_used[owners] & np.isfinite(prepared.noise_levels)
    rows = torch.from_numpy(np.flatnonzero(is_used))
    return SingleImages(observations, prepared.table, rows, prepared.table.optics_groups[owners], True)
