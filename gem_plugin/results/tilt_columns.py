"""What is known of particles of tilt series besides their file: how many images each has, their dose and tilt, and its tomogram."""

from typing import NamedTuple

import numpy as np

from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.tilt_series.saved import load_tilt_series


class TiltNumbers(NamedTuple):
    """Of n particles."""

    image_counts: np.ndarray  # (n,) int64: tilt images
    tomograms: np.ndarray  # (n,) int64 from 1, in the order of their names
    tomogram_names: list[str]  # in that order
    positions_in_angstroms: np.ndarray  # (n, 3), xyz from the centre of the tomogram; NaN where unknown
    mean_doses: np.ndarray  # (n,) electrons per square Angstrom before an image, over the images of each
    mean_tilts_in_degrees: (
        np.ndarray
    )  # (n,) without sign; from the first image of image series, which is about untilted


def tilt_numbers(run: RunFiles) -> TiltNumbers | None:
    """None for single particles."""
    if not run.prepared_tilt_series.is_file():
        return None
    particles = load_tilt_series(run.prepared_tilt_series)[0]
    names, tomograms = np.unique(particles.tomograms.astype(str), return_inverse=True)
    images = particles.images
    counts = particles.image_counts
    own = particles.rotation_matrices[images.particle_indices]
    cosines = np.einsum("ij,ij->i", images.rotation_matrices[:, 2], own[:, 2])  # of T = A E^T along the beam
    tilts = np.rad2deg(np.arccos(np.clip(cosines, -1, 1)))

    def mean(values: np.ndarray) -> np.ndarray:  # (m,) -> (n,)
        return np.bincount(images.particle_indices, values, len(particles)) / counts

    return TiltNumbers(
        counts,
        tomograms.reshape(-1) + 1,
        names.tolist(),
        particles.coordinates_in_angstroms,
        mean(images.doses),
        mean(tilts),
    )
