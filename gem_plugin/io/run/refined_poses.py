"""refined_poses.npz: how training moved the pose of each particle. Absent where poses were right or were not refined."""

from typing import NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_arrays, write_arrays
from gem_plugin.io.run.files import RunFiles

MADE_BY = "gem-em train"
NAME_OF_STANDARD_DEVIATIONS = "spread"  # in the file


class RefinedPoses(NamedTuple):
    """The changes of the poses of all particles, in the order of the input."""

    rotation_vectors: (
        np.ndarray
    )  # (n, 3) float32, radians, about axes of the molecule: refined A = given A exp([v]x)
    shifts_in_angstroms: (
        np.ndarray
    )  # (n, 2) float32, ordered xy: refined shift of the table = given shift less this.
    # Of tilt series (n, 3), ordered xyz, along the axes of the map in its given pose: an image of given pose A has (A s)_xy less
    is_capped: np.ndarray  # (n,) bool: the change reached its limit, so the true pose may lie farther away
    standard_deviations: (
        np.ndarray
    )  # (2,) float64 of the prior: degrees about each axis, Angstrom along each axis

    def take(self, rows: np.ndarray) -> "RefinedPoses":
        """Of some particles: rows as numbers or as (n,) bool."""
        return self._replace(
            rotation_vectors=self.rotation_vectors[rows],
            shifts_in_angstroms=self.shifts_in_angstroms[rows],
            is_capped=self.is_capped[rows],
        )

    @property
    def rotations_in_degrees(self) -> np.ndarray:  # (n,) float64
        """Angle between the given and the refined orientation."""
        return np.rad2deg(np.linalg.norm(self.rotation_vectors.astype(np.float64), axis=1))

    @property
    def distances_in_angstroms(self) -> np.ndarray:  # (n,) float64
        """Distance between the given and the refined centre."""
        return np.linalg.norm(self.shifts_in_angstroms.astype(np.float64), axis=1)


def read_refined_poses(run: RunFiles, n_particles: int) -> RefinedPoses | None:
    """The changes; None where training left none. InputError where they are damaged or of other particles."""
    if not run.refined_poses.is_file():
        return None
    poses = poses_of_file(run)
    if len(poses.is_capped) != n_particles:
        raise InputError(
            f"{run.refined_poses} is of {len(poses.is_capped)} particles, the run has {n_particles}. "
            f"Run `{MADE_BY} {run.root}` again."
        )
    return poses


def poses_of_file(run: RunFiles) -> RefinedPoses:
    """The changes, of however many particles. InputError where the file is missing or damaged."""
    path = run.refined_poses
    arrays = read_arrays(path, MADE_BY)
    n_particles = len(arrays.get("rotation_vectors", ()))
    n_directions = 3 if arrays.get("shifts_in_angstroms", np.zeros(0)).shape[1:] == (3,) else 2
    expected = {
        "rotation_vectors": (n_particles, 3),
        "shifts_in_angstroms": (n_particles, n_directions),
        "is_capped": (n_particles,),
        NAME_OF_STANDARD_DEVIATIONS: (2,),
    }
    for name, shape in expected.items():
        found = arrays[name].shape if name in arrays else "no such array"
        if found != shape:
            raise InputError(
                f"{path}, {name}: expected the shape {shape} for {n_particles} particles, found {found}. "
                f"Run `{MADE_BY} {run.root}` again."
            )
        if not np.isfinite(arrays[name]).all():
            raise InputError(
                f"{path}, {name}: holds values that are not finite. Run `{MADE_BY} {run.root}` again."
            )
    return RefinedPoses(*(arrays[name] for name in expected))


def write_refined_poses(run: RunFiles, poses: RefinedPoses) -> None:
    """Replace the changes."""
    write_arrays(
        run.refined_poses,
        rotation_vectors=poses.rotation_vectors.astype(np.float32),
        shifts_in_angstroms=poses.shifts_in_angstroms.astype(np.float32),
        is_capped=poses.is_capped.astype(bool),
        **{NAME_OF_STANDARD_DEVIATIONS: np.asarray(poses.standard_deviations, dtype=np.float64)},
    )
