"""What is known of particles of tilt series besides their file: how many images each has, its tomogram, and where in it."""

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


def tilt_numbers(run: RunFiles) -> TiltNumbers | None:
    """None for single particles."""
    if not run.prepared_tilt_series.is_file():
        return None
    particles = load_tilt_series(run.prepared_tilt_series)[0]
    names, tomograms = np.unique(particles.tomograms.astype(str), return_inverse=True)
    return TiltNumbers(
        particles.image_counts,
        tomograms.reshape(-1) + 1,
        names.tolist(),
        particles.coordinates_in_angstroms,
    )
