"""What training found out about every particle beside its latents: contrast, probability of an outlier, refined pose."""

import math
from typing import Any

import numpy as np

from gem_plugin.errors import RunError
from gem_plugin.heterogeneity.pose_refinement import N_ANGLES
from gem_plugin.heterogeneity.training import Trainer
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.outliers import is_outlier, outliers_in_words, write_outliers
from gem_plugin.io.run.refined_poses import RefinedPoses, write_refined_poses
from gem_plugin.progress import Progress
from gem_plugin.steps.train.embedding import EmbeddedParticles, match_particles

MAXIMUM_OUTLIER_FRACTION = 0.95  # with more, nothing is left to learn from


def write_matches(
    run: RunFiles, trainer: Trainer, latents: EmbeddedParticles, progress: Progress
) -> dict[str, Any]:
    """Write contrasts.npy, outliers.npy and refined_poses.npz, each where there is something to say; numbers for the summary.

    Of several processes each matches its particles, whose latents these are; the first one writes.
    """
    if trainer.workers.is_main:
        for path in (run.contrasts, run.outliers, run.refined_poses):  # of an earlier training
            path.unlink(missing_ok=True)
    if trainer.settings.loss != "squared":
        return {}
    matches = match_particles(trainer, latents, progress)
    if matches is None:
        return {}
    write_array(run.contrasts, matches.contrasts)
    numbers: dict[str, Any] = {}
    if matches.outliers is not None:
        write_outliers(run, matches.outliers)
        numbers["outliers"] = int(is_outlier(run, len(matches.outliers)).sum())
        sentence = outliers_in_words(run, len(matches.outliers))
        if sentence:
            progress.say(sentence)
    return numbers | _write_poses(run, trainer, progress)


def _write_poses(run: RunFiles, trainer: Trainer, progress: Progress) -> dict[str, Any]:
    poses = trainer.poses
    if poses is None:
        return {}
    if poses.prior.is_zero:
        return {"pose_spread_in_degrees": 0.0, "shift_spread_in_angstroms": 0.0}
    pixel_size = trainer.model.pixel_size_in_angstroms
    spread = math.degrees(math.sqrt(poses.prior.angle)), math.sqrt(poses.prior.shift) * pixel_size
    is_capped = poses.is_capped.numpy()
    write_refined_poses(
        run,
        RefinedPoses(
            poses.offsets[:, :N_ANGLES].numpy(),
            poses.offsets[:, N_ANGLES:].numpy() * np.float32(pixel_size),
            is_capped,
            np.array(spread),
        ),
    )
    progress.say(
        f"The given poses are off by about {spread[0]:.1f} degrees about each axis and {spread[1]:.1f} Å along each; "
        "the refined ones are in refined_poses.npz"
    )
    return {
        "pose_spread_in_degrees": round(spread[0], 3),
        "shift_spread_in_angstroms": round(spread[1], 3),
        **({"poses_at_their_limit": int(is_capped.sum())} if is_capped.any() else {}),
    }


def check_outliers(outlier_fraction: float) -> None:
    """Raise RunError where nearly all particles look like noise: there is nothing to learn from."""
    if outlier_fraction > MAXIMUM_OUTLIER_FRACTION:
        raise RunError(
            f"{outlier_fraction:.0%} of the particles look like noise, or like a molecule that is not where their poses say. "
            "Check that map, poses and images belong together (`gem-em prepare`), or train with --no-outliers."
        )
