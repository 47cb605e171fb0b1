"""A map from tilt images: the sum of CTF times image over all tilts of all particles, by their own poses and weights."""

import numpy as np
import torch

from gem_plugin.imaging.back_projection import BackProjection
from gem_plugin.particles.tilt_series.images import TiltImageReader
from gem_plugin.particles.tilt_series.table import TiltSeriesParticles
from gem_plugin.progress import Track, untracked

IMAGES_AT_A_TIME = 200


def back_project(
    particles: TiltSeriesParticles,
    map_indices: np.ndarray
    | None = None,  # (n,) map of each particle, below 0 for none; default: half-sets, else odd and even
    n_maps: int = 2,
    track: Track = untracked,
) -> BackProjection:
    """Sums of all tilt images, each particle in one map; noise is taken as white and as strong in all images."""
    if map_indices is None:
        map_indices = particles.half_sets - 1 if particles.half_sets.all() else np.arange(len(particles)) % 2
    images = particles.images
    reconstruction = BackProjection(particles.box_size, particles.pixel_size_in_angstroms, n_maps)
    starts = list(range(0, len(images), IMAGES_AT_A_TIME))
    with TiltImageReader(particles) as reader:
        for start in track(starts, "reconstructing", len(starts), "batch"):
            rows = np.arange(start, min(start + IMAGES_AT_A_TIME, len(images)))
            some = images.take(rows)
            reconstruction.add_(
                torch.from_numpy(reader.read(rows)),
                torch.from_numpy(some.rotation_matrices),
                torch.from_numpy(some.shifts_in_angstroms),
                some.ctf_parameters(),
                torch.as_tensor(map_indices[some.particle_indices], dtype=torch.int64),
            )
    return reconstruction
