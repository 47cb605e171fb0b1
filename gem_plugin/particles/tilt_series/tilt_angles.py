"""The tilt angle of each tilt image, from its pose and that of its particle; no files."""

import numpy as np

from gem_plugin.particles.tilt_series.table import TiltSeriesForm, TiltSeriesParticles


def tilt_angles_in_degrees(
    particles: TiltSeriesParticles,
    images: np.ndarray,  # (k,) indices of tilt images
) -> np.ndarray | None:  # (k,)
    """rlnTomoYTilt of each image; None for image series, whose files do not say how a tomogram lies.

    The pose of an image is A = T E with the pose E of the particle in its tomogram and the tilt T = Rz Ry(angle) Rx, so the first
    element of the last row of T = A E^T is -sin(angle).
    """
    if particles.form is TiltSeriesForm.IMAGE_SERIES:
        return None
    poses = particles.images.rotation_matrices[images].astype(np.float64)
    of_particles = particles.rotation_matrices[particles.images.particle_indices[images]].astype(np.float64)
    tilts = poses @ of_particles.transpose(0, 2, 1)
    return np.rad2deg(np.arcsin(np.clip(-tilts[:, 2, 0], -1, 1)))
