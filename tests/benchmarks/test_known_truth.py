"""truth.npz is read with its conventions, and true maps agree with those of the independent maker."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from small_truth import truth_with_moving_arm
from truth.known_truth import read_truth
from truth.map_scores import area_under, shell_correlation


def test_angles_become_the_matrix_that_projects(tmp_path: Path) -> None:
    rotations = Rotation.random(5, np.random.default_rng(1))
    arrays = {
        "which": np.zeros(5),
        "xyz": np.ones((1, 3, 3)),
        "weight": np.ones((1, 3)),
        "kind": np.zeros(5),
        "angles": rotations.as_euler("ZYZ", degrees=True),
        "origins": np.zeros((5, 2)),
        "apix": 6.0,
        "box": 32,
    }
    np.savez(tmp_path / "truth.npz", **arrays)
    truth = read_truth(tmp_path)
    assert np.allclose(truth.rotation_matrices, rotations.inv().as_matrix())
    assert truth.widths_in_angstroms.tolist() == [1.5] * 3
    assert truth.is_molecule.all()
    assert truth.members(0).tolist() == [0, 1, 2, 3, 4]


def test_junk_is_in_no_state() -> None:
    truth = truth_with_moving_arm(2, n_images=6)
    truth.kinds[2] = 1
    assert truth.members(0).tolist() == [0, 4]


def test_true_maps_lie_where_the_atoms_are() -> None:
    truth = truth_with_moving_arm(2, 18.0)
    still, moved = truth.true_map(0), truth.true_map(1)
    assert still.shape == (32, 32, 32)
    difference = moved - still  # ordered zyx: the arm is at x = 45 A and moves up by 18 A, 3 voxels
    centre_of_gain = np.unravel_index(difference.argmax(), difference.shape)
    centre_of_loss = np.unravel_index(difference.argmin(), difference.shape)
    assert centre_of_gain[0] - centre_of_loss[0] >= 2
    assert abs(centre_of_gain[2] - (16 + 45 / 6)) <= 2.5
    assert still.sum() == pytest.approx(truth.amplitudes[0].sum(), rel=0.01)


def test_true_maps_agree_with_those_of_make_dataset(maker) -> None:  # type: ignore[no-untyped-def]
    truth = truth_with_moving_arm(1)
    theirs = maker.volume(truth.positions_in_angstroms[0], truth.amplitudes[0], 32, 6.0)
    perfect = area_under(np.ones(16))
    assert area_under(shell_correlation(truth.true_map(0), theirs)) > perfect - 2e-4
