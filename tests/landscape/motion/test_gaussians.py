"""Motion of Gaussians: what moves is found, what stands still is not."""

import numpy as np
import pytest

from gem_plugin.landscape.motion.gaussians import (
    GaussianMotion,
    measure_motion,
    motion_from_arrays,
    motion_to_arrays,
)

SWING_IN_ANGSTROMS = 8.0


@pytest.fixture(scope="module")
def motion() -> GaussianMotion:
    """Two blobs of 50 Gaussians; the second swings along y and loses half of its amplitude at the end."""
    generator = np.random.default_rng(3)
    still = generator.normal(0, 5, (50, 3))
    arm = generator.normal(0, 5, (50, 3)) + np.array([60.0, 0, 0])
    places = np.linspace(-1, 1, 41)
    positions = np.stack(
        [np.concatenate([still, arm + np.array([0, SWING_IN_ANGSTROMS * place, 0])]) for place in places]
    )
    amplitudes = np.stack(
        [np.concatenate([np.ones(50), np.full(50, 0.75 - 0.25 * place)]) for place in places]
    )
    return measure_motion(positions, amplitudes, seed=0)


def test_only_the_arm_moves(motion: GaussianMotion) -> None:
    np.testing.assert_allclose(motion.displacement_in_angstroms[:50], 0, atol=1e-6)
    uniform_rms = SWING_IN_ANGSTROMS * np.sqrt(np.mean(np.linspace(-1, 1, 41) ** 2))
    np.testing.assert_allclose(motion.displacement_in_angstroms[50:], uniform_rms, rtol=1e-6)


def test_main_displacement_points_along_the_swing(motion: GaussianMotion) -> None:
    arm = motion.main_displacement_in_angstroms[50:]
    np.testing.assert_allclose(np.abs(arm[:, 1]), 2 * motion.displacement_in_angstroms[50:], rtol=1e-6)
    np.testing.assert_allclose(arm[:, [0, 2]], 0, atol=1e-6)


def test_amplitude_change_is_its_relative_spread(motion: GaussianMotion) -> None:
    np.testing.assert_allclose(motion.amplitude_change[:50], 0, atol=1e-6)
    spread = 0.25 * np.sqrt(np.mean(np.linspace(-1, 1, 41) ** 2)) / 0.75
    np.testing.assert_allclose(motion.amplitude_change[50:], spread, rtol=1e-6)


def test_no_part_mixes_what_moves_with_what_stands_still(motion: GaussianMotion) -> None:
    assert not set(motion.parts[:50]) & set(motion.parts[50:])
    table = motion.moving_parts
    assert table.gaussians.sum() == 100
    assert table.fraction_of_mass.sum() == pytest.approx(1)
    assert (np.diff(table.motion_in_angstroms) >= -1e-6).all(), "numbered from least to most mobile"


def test_it_is_the_same_after_writing_and_reading(motion: GaussianMotion) -> None:
    again = motion_from_arrays(motion_to_arrays(motion))
    assert again is not None
    np.testing.assert_array_equal(again.parts, motion.parts)
    np.testing.assert_array_equal(
        again.moving_parts.fraction_of_mass_error, motion.moving_parts.fraction_of_mass_error
    )


def test_what_an_older_version_measured_is_not_mixed_with_what_this_one_says(motion: GaussianMotion) -> None:
    of_0_1_0 = {
        name: value for name, value in motion_to_arrays(motion).items() if not name.startswith("part_")
    }
    assert motion_from_arrays(of_0_1_0) is None


def test_one_particle_has_no_motion() -> None:
    cloud = np.random.default_rng(0).normal(size=(1, 12, 3))
    motion = measure_motion(cloud, np.ones((1, 12)), seed=0)
    np.testing.assert_allclose(motion.displacement_in_angstroms, 0)
    np.testing.assert_allclose(motion.positions_in_angstroms, cloud[0])
