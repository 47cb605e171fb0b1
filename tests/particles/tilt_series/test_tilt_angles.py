"""Tilt angles are those of the tilt series, whatever the particle's own pose."""

import numpy as np
import starfile
from tilt_projects import RELION, SERIES, WARPTOOLS, read

from gem_plugin.particles.tilt_series.tilt_angles import tilt_angles_in_degrees


def test_angles_are_those_of_the_tilt_series(tilt_project):
    particles = read(tilt_project / RELION)
    assert np.abs(particles.subtomogram_angles_in_degrees).max() > 10
    every = np.arange(len(particles.images))
    found = tilt_angles_in_degrees(particles, every)
    for name in set(particles.tomograms.tolist()):
        series = starfile.read(tilt_project / "relion5" / "tilt_series" / f"{name}.star", always_dict=True)[
            name
        ]
        of_tomogram = particles.tomograms[particles.images.particle_indices] == name
        if "rlnTomoYTilt" not in series:
            continue
        expected = series["rlnTomoYTilt"].to_numpy()[particles.images.tilt_numbers[of_tomogram]]
        np.testing.assert_allclose(found[of_tomogram], expected, atol=0.01)


def test_matrices_of_warptools_give_the_same_angles(tilt_project):
    relion, warptools = read(tilt_project / RELION), read(tilt_project / WARPTOOLS)
    angles = [np.sort(tilt_angles_in_degrees(one, one.images_of([3]))) for one in (relion, warptools)]
    np.testing.assert_allclose(angles[0], angles[1], atol=0.01)
    assert np.ptp(angles[0]) > 40


def test_image_series_have_none(tilt_project):
    particles = read(tilt_project / SERIES)
    assert tilt_angles_in_degrees(particles, np.arange(3)) is None
