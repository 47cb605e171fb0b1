"""The angle of the part that moves most: that of a planted rotation, and none where it shifts or stretches."""

from dataclasses import replace

import numpy as np
import pytest

from gem_plugin.landscape.motion.gaussians import GaussianMotion
from gem_plugin.landscape.motion.moving_parts import MovingParts
from gem_plugin.landscape.motion.part_rotation import rotation_of_part_in_degrees

N_STILL, N_MOVING = 50, 60


def motion_of(displacements: np.ndarray) -> GaussianMotion:  # (N_MOVING, 3): two standard deviations
    generator = np.random.default_rng(0)
    positions = generator.normal(size=(N_STILL + N_MOVING, 3)) * [20, 8, 8] + [30, 0, 0]
    main = np.concatenate([np.zeros((N_STILL, 3)), displacements])
    table = MovingParts(*(np.ones(2) for _ in range(3)), np.zeros((2, 3)), *(np.ones(2) for _ in range(4)))
    parts = np.repeat([1, 2], [N_STILL, N_MOVING])
    ones = np.ones(len(positions))
    return GaussianMotion(positions, ones, np.linalg.norm(main, axis=1) / 2, main, 0 * ones, parts, table)


def moving_positions() -> np.ndarray:
    return motion_of(np.zeros((N_MOVING, 3))).positions_in_angstroms[N_STILL:]


@pytest.mark.parametrize("degrees", [4.0, 15.0])
def test_angle_of_a_rotation_about_a_far_hinge(degrees: float) -> None:
    axis = np.array([0.0, 0.6, 0.8])
    about = np.cross(axis, moving_positions() - [80.0, -20, 5])
    found = rotation_of_part_in_degrees(motion_of(2 * np.radians(degrees) * about))
    assert found == pytest.approx(degrees, rel=0.01)


def test_a_shift_or_a_stretch_is_not_a_rotation() -> None:
    assert rotation_of_part_in_degrees(motion_of(np.tile([5.0, 0, 0], (N_MOVING, 1)))) is None
    assert rotation_of_part_in_degrees(motion_of(0.3 * moving_positions())) is None


def test_where_nothing_moves_on_its_own_there_is_no_angle() -> None:
    motion = motion_of(np.zeros((N_MOVING, 3)))
    alone = replace(
        motion, moving_parts=MovingParts(*(one[:1] for one in vars(motion.moving_parts).values()))
    )
    assert rotation_of_part_in_degrees(alone) is None
