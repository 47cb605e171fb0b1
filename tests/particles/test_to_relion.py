"""Angles as RELION writes them."""

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.particles.to_relion import relion_angles_in_degrees


def test_angles_and_matrices_are_each_others_inverse() -> None:
    angles = np.random.default_rng(0).uniform([-180, 0, -180], [180, 180, 180], (50, 3))
    matrices = Rotation.from_euler("ZYZ", angles, degrees=True).as_matrix().transpose(0, 2, 1)
    np.testing.assert_allclose(relion_angles_in_degrees(matrices), angles, atol=1e-6)
