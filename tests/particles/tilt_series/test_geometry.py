"""Geometry against RELION's own numbers, and against a point that is followed from the tomogram to the image."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gem_plugin.particles.tilt_series.geometry import (
    are_rotations,
    defocus_change_in_angstroms,
    euler_matrices,
    image_geometry,
    positions_of_particles,
    tilt_rotations,
)

# The rotation parts of rlnTomoProjX/Y/Z beside rlnTomoXTilt, YTilt and ZRot in RELION 5's own test project
# (src/tomography_python_programs/_tests, tilt series 220728_TS_45): the tilts -7.51 and 16.49.
OF_RELION = [
    ((0.0, -7.51, 85.2251), [[0.0825272671, -0.9965294003, -0.0108795748], [0.9879812281, 0.0832413062, -0.1302456275], [0.1306992322, 0, 0.9914220572]]),
    ((0.0, 16.49, 85.2551), [[0.0793172348, -0.9965728521, 0.0234797777], [0.9555830916, 0.0827195495, 0.2828751986], [-0.2838479877, 0, 0.9588692784]]),
]  # fmt: skip


@pytest.mark.parametrize(("angles", "expected"), OF_RELION)
def test_the_angles_of_relions_test_project_give_its_matrices(
    angles: tuple[float, float, float], expected: list[list[float]]
) -> None:
    found = tilt_rotations(*(np.array([angle]) for angle in angles))[0]
    np.testing.assert_allclose(found, expected, atol=2e-7)


def test_a_tilt_about_x_acts_first() -> None:
    found = tilt_rotations(np.array([10.0]), np.array([20.0]), np.array([30.0]))[0]
    x, y, z = (
        Rotation.from_euler(axis, angle, degrees=True).as_matrix() for axis, angle in zip("xyz", (10, 20, 30))
    )
    np.testing.assert_allclose(found, z @ y @ x, atol=1e-12)


def test_a_point_of_the_map_lands_where_the_tilt_projects_it() -> None:
    """Not by the formula of the pose: the point goes into the tomogram, is projected there, and is seen from the cut-out."""
    generator = np.random.default_rng(0)
    tilt = Rotation.random(1, generator).as_matrix()
    angles, subtomogram_angles = generator.uniform(0, 180, (2, 1, 3))
    subtomogram, particle = euler_matrices(subtomogram_angles), euler_matrices(angles)
    origin, cut_out = generator.uniform(-9, 9, (1, 3)), generator.uniform(-900, 900, (1, 3))
    point = generator.uniform(-50, 50, 3)
    position = positions_of_particles(cut_out, subtomogram, origin)
    geometry = image_geometry(tilt, subtomogram, particle, origin, position)

    in_tomogram = position[0] + subtomogram[0] @ particle[0] @ point
    expected = (tilt[0] @ (in_tomogram - cut_out[0]))[:2]  # from the pixel box // 2, where the cut-out lies
    found = (geometry.rotation_matrices[0] @ point)[:2] - geometry.shifts_in_angstroms[0]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert geometry.depths_in_angstroms[0] == pytest.approx((tilt[0] @ position[0])[2])


def test_the_hand_turns_the_sign_of_the_defocus_by_depth() -> None:
    depths = np.array([-300.0, 0.0, 900.0])
    np.testing.assert_allclose(defocus_change_in_angstroms(depths, 1.0), depths)
    np.testing.assert_allclose(defocus_change_in_angstroms(depths, -1.0, 0.9), -0.9 * depths)


def test_mirrors_and_stretched_matrices_are_no_rotations() -> None:
    good = Rotation.random(1, 0).as_matrix()
    assert are_rotations(good).all()
    assert not are_rotations(good @ np.diag([1, 1, -1])).any()
    assert not are_rotations(good * 1.01).any()


# One particle and one tilt of a real RELION 5 project, with the row that its tools made of them (the relion5_tomo_subset of
# RECOVAR's tests: tilt 2.9 degrees of area12_ts_001, particle 1, hand -1).
OF_PROJECT = {
    "tilt": (-0.27185, 3.141699, 78.566275),
    "coordinates": (-3118.74112, -215.50415, 538.114102),
    "angles": (61.857737, 129.478399, -58.17580),
    "defocus_u": 30659.191298,
}
EXPECTED_ANGLES, EXPECTED_DEFOCUS_U = (
    (65.0439926589805, 127.54691633280461, -134.76489348814167),
    29949.94682236017,
)


def test_a_tilt_of_a_real_project() -> None:
    tilt = tilt_rotations(*(np.array([angle]) for angle in OF_PROJECT["tilt"]))
    none = np.zeros((1, 3))
    particle, position = (
        euler_matrices(np.array([OF_PROJECT["angles"]])),
        np.array([OF_PROJECT["coordinates"]]),
    )
    found = image_geometry(tilt, euler_matrices(none), particle, none, position)
    np.testing.assert_allclose(
        found.rotation_matrices[0], euler_matrices(np.array(EXPECTED_ANGLES)), atol=1e-6
    )
    change = defocus_change_in_angstroms(found.depths_in_angstroms, -1.0)[0]
    assert OF_PROJECT["defocus_u"] + change == pytest.approx(EXPECTED_DEFOCUS_U, abs=0.01)
