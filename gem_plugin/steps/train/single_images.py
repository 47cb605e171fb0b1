"""The images of a run one by one, whoever owns them: what the consensus is fitted to."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gem_plugin.heterogeneity.observations import Observations
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.particles.table import ParticleTable
from gem_plugin.steps.train.images import observations_of, observations_of_tilts


class SingleImages(NamedTuple):
    """m images, each a particle of its own to the engine; `observations.particle_indices` says whose it is."""

    observations: Observations
    table: ParticleTable  # a row a particle
    rows: Tensor  # (k,) int64: images that may be used
    optics_groups: np.ndarray  # (m,) int64
    are_tilts: bool


def open_single_images(run: RunFiles) -> SingleImages:
    """Single-particle images as they are; tilt images without their particles."""
    prepared = load_prepared(run)
    table, tilts = prepared.table, prepared.tilts
    if tilts is None:
        rows = torch.from_numpy(np.flatnonzero(prepared.is_used))
        return SingleImages(observations_of(prepared), table, rows, table.optics_groups, False)
    owners = tilts.particles.images.particle_indices
    rows = torch.from_numpy(np.flatnonzero(prepared.is_used[owners] & np.isfinite(tilts.noise_levels)))
    observations = observations_of_tilts(prepared, tilts, are_single=True)
    return SingleImages(observations, table, rows, table.optics_groups[owners], True)
