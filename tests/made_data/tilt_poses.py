"""Refined poses of tilt series, left in a run, and whether particles that are read are moved by them."""

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.refined_poses import RefinedPoses, write_refined_poses
from gem_plugin.particles.tilt_series.table import TiltSeriesParticles

ROTATION_TOLERANCE, SHIFT_TOLERANCE = (
    3e-6,
    3e-4,
)  # Angstrom: positions in tomograms have six digits before the point


def leave_changes(run: RunFiles, n: int) -> RefinedPoses:
    """Rotations of some ten degrees, shifts of some Angstrom, left in the run."""
    generator = np.random.default_rng(7)
    vectors, shifts = generator.normal(0, 0.1, (n, 3)), generator.normal(0, 4.0, (n, 3))
    poses = RefinedPoses(
        vectors.astype(np.float32), shifts.astype(np.float32), np.arange(n) == 2, np.array([5.7, 4.0])
    )
    write_refined_poses(run, poses)
    return poses


def check_is_moved(again: TiltSeriesParticles, given: TiltSeriesParticles, poses: RefinedPoses) -> None:
    """By the words of the interface: A exp([v]x), o - (A s)_xy."""
    images, owners = given.images, given.images.particle_indices
    exponentials = Rotation.from_rotvec(poses.rotation_vectors.astype(np.float64)).as_matrix()[owners]
    expected = images.rotation_matrices @ exponentials
    seen = np.einsum(
        "mij,mj->mi", images.rotation_matrices.astype(np.float64), poses.shifts_in_angstroms[owners]
    )
    shifts = images.shifts_in_angstroms - seen[:, :2]
    assert again.names.tolist() == given.names.tolist()
    np.testing.assert_allclose(again.images.rotation_matrices, expected, atol=ROTATION_TOLERANCE)
    np.testing.assert_allclose(again.images.shifts_in_angstroms, shifts, atol=SHIFT_TOLERANCE)
    np.testing.assert_array_equal(again.images.slice_indices, images.slice_indices)
