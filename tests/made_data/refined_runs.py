"""Changes of poses for the tests of what is made of them, as training leaves them in a run."""

import numpy as np
from scipy.spatial.transform import Rotation

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.refined_poses import RefinedPoses, write_refined_poses
from gem_plugin.particles.table import ParticleTable


def random_changes(n_particles: int, seed: int = 7) -> RefinedPoses:
    """Rotations of some ten degrees, shifts of some Angstrom; the third particle ran to the limit."""
    generator = np.random.default_rng(seed)
    return RefinedPoses(
        generator.normal(0, 0.1, (n_particles, 3)).astype(np.float32),
        generator.normal(0, 2.0, (n_particles, 2)).astype(np.float32),
        np.arange(n_particles) == 2,
        np.array([5.7, 2.0]),
    )


def leave_changes(run: RunFiles, n_particles: int) -> RefinedPoses:
    """The same, left in the run."""
    poses = random_changes(n_particles)
    write_refined_poses(run, poses)
    return poses


def poses_expected(table: ParticleTable, poses: RefinedPoses) -> tuple[np.ndarray, np.ndarray]:
    """Rotation matrices (n, 3, 3) and shifts (n, 2) by the words of the interface."""
    exponentials = Rotation.from_rotvec(poses.rotation_vectors.astype(np.float64)).as_matrix()
    rotations = table.rotation_matrices.astype(np.float64) @ exponentials
    return rotations, table.shifts_in_angstroms.astype(np.float64) - poses.shifts_in_angstroms
