"""Pieces that are nearly rigid."""

import numpy as np

from gem_plugin.landscape.motion.rigid_pieces import joint_motions, rigid_pieces


def _swinging() -> np.ndarray:  # (30, 120, 3): 60 Gaussians stand still, 60 swing along y
    generator = np.random.default_rng(2)
    rest = generator.normal(0, 8, (120, 3)) + np.repeat([[0.0, 0, 0], [40.0, 0, 0]], 60, axis=0)
    shifts = np.zeros((30, 120, 3))
    shifts[:, 60:, 1] = np.linspace(-9, 9, 30)[:, None]
    return rest + shifts


def test_the_piece_that_swings_is_its_own_and_comes_last() -> None:
    pieces = rigid_pieces(_swinging(), 2, seed=0)
    assert (pieces[:60] == 0).all()
    assert (pieces[60:] == 1).all()


def test_no_more_pieces_than_places() -> None:
    pieces = rigid_pieces(np.zeros((3, 5, 3)), 4, seed=0)
    assert set(pieces.tolist()) == {0}


def test_the_largest_joint_motion_is_the_swing() -> None:
    places = _swinging()
    first = joint_motions(places - places.mean(axis=0))[0]
    np.testing.assert_allclose(np.abs(first[60:, 1]), np.sqrt(np.mean(np.linspace(-9, 9, 30) ** 2)))
    np.testing.assert_allclose(first[:60], 0, atol=1e-9)
