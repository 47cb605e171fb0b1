"""How far written or refined poses are from the true ones, and how well images without the molecule are told apart."""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation
from sklearn.metrics import roc_auc_score

from gem_plugin.results.particle_file import ParticleFile, open_particle_file
from gem_plugin.results.run import Run
from truth.known_truth import KnownTruth

REFINED_PARTICLES = "particles_refined.star"
ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
ORIGINS = ("rlnOriginXAngst", "rlnOriginYAngst")


def pose_error(
    truth: KnownTruth,
    rotation_matrices: np.ndarray,  # (n, 3, 3), as written or refined
    shifts_in_angstroms: np.ndarray,  # (n, 2)
) -> tuple[float, float]:  # degrees, Angstrom
    """Root mean square error of the rotation about one axis and of the shift along one, over images of the molecule.

    Planted Gaussian errors of 3 degrees about each axis and 2 A along each give 3 and 2.
    """
    chosen = truth.is_molecule
    between = rotation_matrices[chosen] @ truth.rotation_matrices[chosen].transpose(0, 2, 1)
    angles = np.rad2deg(Rotation.from_matrix(between).magnitude())
    moved = shifts_in_angstroms[chosen] - truth.shifts_in_angstroms[chosen]
    return float(np.sqrt((angles**2).mean() / 3)), float(np.sqrt((moved**2).mean()))


def poses_of_file(file: ParticleFile) -> tuple[np.ndarray, np.ndarray]:  # (n, 3, 3), (n, 2)
    """Rotation matrices A and shifts in Angstrom of a star file."""
    angles = np.stack([file.column(name) for name in ANGLES], axis=1)
    inverse = Rotation.from_euler("ZYZ", angles, degrees=True).as_matrix()
    return inverse.transpose(0, 2, 1), np.stack([file.column(name) for name in ORIGINS], axis=1)


def score_poses(truth: KnownTruth, run: Run) -> dict[str, float]:
    """Errors before and after the run; without refined poses both are those of the particle file."""
    before = pose_error(truth, *poses_of_file(run.original))
    refined = Path(run.files.root) / REFINED_PARTICLES
    after = (
        pose_error(truth, *poses_of_file(open_particle_file(refined, run.particles.image_names, None)))
        if refined.is_file()
        else before
    )
    return {
        "angle_error_before": before[0],
        "angle_error_after": after[0],
        "shift_error_before": before[1],
        "shift_error_after": after[1],
    }


def score_junk(truth: KnownTruth, run: Run) -> dict[str, float | None]:
    """ROC area of the column `outlier`, or of minus the contrast where a run has none; of all junk and of each kind."""
    is_there = truth.kinds != 0
    if not is_there.any():
        return {"junk_roc_area": None, "junk_roc_area_of_noise": None, "junk_roc_area_of_wrong_poses": None}
    values = run.column("outlier") if "outlier" in run.columns else -run.column("contrast")
    return {
        "junk_roc_area": roc_area(values, truth.kinds, (1, 2)),
        "junk_roc_area_of_noise": roc_area(values, truth.kinds, (1,)),
        "junk_roc_area_of_wrong_poses": roc_area(values, truth.kinds, (2,)),
    }


def roc_area(values: np.ndarray, kinds: np.ndarray, of_kinds: tuple[int, ...]) -> float | None:
    """The chance that an image of these kinds has a higher value than one of the molecule; None without such images."""
    is_kind = np.isin(kinds, of_kinds)
    compared = is_kind | (kinds == 0)
    if not is_kind.any() or is_kind[compared].all():
        return None
    return float(roc_auc_score(is_kind[compared], values[compared]))
