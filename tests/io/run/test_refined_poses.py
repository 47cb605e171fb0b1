"""refined_poses.npz: written and read back, absent in old runs, refused where it is damaged."""

from pathlib import Path

import numpy as np
import pytest
from refined_runs import random_changes

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import write_arrays
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.refined_poses import read_refined_poses, write_refined_poses


def test_what_is_written_is_read_back_under_the_names_of_the_interface(tmp_path: Path) -> None:
    run, poses = RunFiles(tmp_path), random_changes(4)
    assert read_refined_poses(run, 4) is None
    write_refined_poses(run, poses)
    found = read_refined_poses(run, 4)
    assert found is not None
    for values, others in zip(found, poses, strict=True):
        np.testing.assert_array_equal(values, others)
        assert values.dtype == others.dtype
    with np.load(run.refined_poses) as saved:
        assert set(saved.files) == {"rotation_vectors", "shifts_in_angstroms", "is_capped", "spread"}


def test_sizes_are_angles_and_distances(tmp_path: Path) -> None:
    poses = random_changes(3)._replace(
        rotation_vectors=np.array([[np.pi / 2, 0, 0], [0, 0, 0], [0, 0.3, 0.4]], np.float32),
        shifts_in_angstroms=np.array([[3, 4], [0, 0], [1, 0]], np.float32),
    )
    np.testing.assert_allclose(poses.rotations_in_degrees, [90, 0, np.rad2deg(0.5)], rtol=1e-6)
    np.testing.assert_allclose(poses.distances_in_angstroms, [5, 0, 1])
    assert poses.take(np.array([True, False, True])).distances_in_angstroms.tolist() == [5, 1]


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    write_refined_poses(run, random_changes(4))
    with pytest.raises(InputError, match=r"is of 4 particles, the run has 6\. Run `gem-em train"):
        read_refined_poses(run, 6)
    poses = random_changes(4)
    write_refined_poses(run, poses._replace(shifts_in_angstroms=np.full((4, 2), np.nan)))
    with pytest.raises(InputError, match="shifts_in_angstroms: holds values that are not finite"):
        read_refined_poses(run, 4)
    write_arrays(run.refined_poses, rotation_vectors=poses.rotation_vectors)
    with pytest.raises(
        InputError, match=r"shifts_in_angstroms: expected the shape \(4, 2\) .* no such array"
    ):
        read_refined_poses(run, 4)
