"""Angles as RELION writes them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gem_plugin.particles.random_acquisition import Microscope, draw_acquisition
from gem_plugin.particles.to_relion import relion_angles_in_degrees, relion_particle_columns


def test_angles_and_matrices_are_each_others_inverse() -> None:
    angles = np.random.default_rng(0).uniform([-180, 0, -180], [180, 180, 180], (50, 3))
    matrices = Rotation.from_euler("ZYZ", angles, degrees=True).as_matrix().transpose(0, 2, 1)
    np.testing.assert_allclose(relion_angles_in_degrees(matrices), angles, atol=1e-6)


@pytest.mark.parametrize(("half_sets", "is_written"), [((1, 2), True), ((2, 2), False), ((0, 0), False)])
def test_half_sets_are_written_only_where_both_occur(half_sets: tuple[int, int], is_written: bool) -> None:
    microscope = Microscope(300, 2.7, 0.1, 0, (1e4, 2e4), 5)
    drawn = draw_acquisition(2, microscope, 32, 3.0, "a.mrcs", np.random.default_rng(0))
    table = replace(drawn, half_sets=np.array(half_sets, dtype=np.int8))
    assert ("_rlnRandomSubset" in relion_particle_columns(table)) is is_written
