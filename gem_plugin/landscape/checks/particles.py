"""Checks of the particles by what training found of each: how many are outliers, whether they lie together, and the poses."""

from typing import Protocol

import numpy as np

from gem_plugin.landscape.checks.diagnostic import Diagnostic, not_measured

MAXIMUM_OUTLIER_FRACTION = 0.2
MAXIMUM_FRACTION_IN_WORST_GROUPS = 0.5  # of the outliers, in groups that are outliers for the most part
WORST_GROUP_FRACTION = 0.5  # outliers among the particles of such a group
MINIMUM_OUTLIERS = 20  # fewer say nothing of where they lie
MAXIMUM_WORST_FRACTION = 0.5  # of the particles; where more are in such groups, nothing is concentrated
MAXIMUM_STANDARD_DEVIATIONS = 3.0  # of the prior of the poses
MAXIMUM_MOVED_FRACTION = 0.05  # of the particles; of a normal distribution over five axes 1.3 %
NAMES_SHOWN = 3


class PoseChanges(Protocol):
    """How training moved n poses: RefinedPoses of io/run."""

    @property
    def rotation_vectors(self) -> np.ndarray: ...  # (n, 3) radians

    @property
    def shifts_in_angstroms(self) -> np.ndarray: ...  # (n, 2)

    @property
    def is_capped(self) -> np.ndarray: ...  # (n,) bool: at the limit

    @property
    def standard_deviations(self) -> np.ndarray: ...  # (2,) of the prior: degrees, Angstrom, along each axis


def check_outliers(is_outlier: np.ndarray | None) -> Diagnostic:  # (n,) bool; None: not estimated
    """The fraction of the particles that are noise, or no molecule where the pose says."""
    name = "many junk particles"
    if is_outlier is None or not len(is_outlier):
        why = "Training left no probabilities of outliers (--no-outliers, or a run of an earlier version)."
        return not_measured(name, MAXIMUM_OUTLIER_FRACTION, why, "Train again without --no-outliers.")
    fraction = float(is_outlier.mean())
    return Diagnostic(
        name,
        fraction,
        MAXIMUM_OUTLIER_FRACTION,
        fraction > MAXIMUM_OUTLIER_FRACTION,
        f"{int(is_outlier.sum()):,} of {len(is_outlier):,} particles ({fraction:.1%}) are outliers: noise alone, or no molecule where "
        "the pose says.",
        'Look at the examples in the report. Junk spoils the consensus too: select the others (--where "outlier le 0.5"), refine '
        "them again, and run GEM on that. If the examples are good particles, check pose, CTF and contrast, or use --no-outliers.",
    )


def check_concentration(
    what: str,  # "image stacks", "optics groups"
    is_outlier: np.ndarray,  # (n,) bool
    groups: np.ndarray,  # (n,) names or numbers
) -> list[Diagnostic]:
    """Whether the outliers come from a few groups that hold little else; nothing where that cannot be said."""
    names, which = np.unique(groups, return_inverse=True)
    which = which.reshape(-1)
    if len(names) < 2 or is_outlier.sum() < MINIMUM_OUTLIERS:
        return []
    sizes = np.bincount(which, minlength=len(names))
    outliers = np.bincount(which, is_outlier, len(names))
    worst = np.flatnonzero(outliers > WORST_GROUP_FRACTION * sizes)
    is_concentrated = sizes[worst].sum() <= MAXIMUM_WORST_FRACTION * len(groups)
    fraction = float(outliers[worst].sum() / is_outlier.sum()) if is_concentrated else 0.0
    order = worst[np.argsort(-outliers[worst], kind="stable")][:NAMES_SHOWN]
    shown = f" ({', '.join(str(names[one]) for one in order)}{', ...' if len(worst) > NAMES_SHOWN else ''})"
    return [
        Diagnostic(
            f"junk particles concentrate in {what}",
            fraction,
            MAXIMUM_FRACTION_IN_WORST_GROUPS,
            fraction > MAXIMUM_FRACTION_IN_WORST_GROUPS,
            f"{fraction:.0%} of the outliers lie in {len(worst) if is_concentrated else 0:,} of {len(names):,} {what} that hold more "
            f"outliers than other particles{shown if fraction else ''}.",
            f"Look at these {what}: ice, carbon, picking or CTF may be wrong there. Leaving them out as a whole may be best.",
        )
    ]


def check_poses(poses: PoseChanges | None, were_right: bool = False) -> Diagnostic:
    """How far training moved the poses, and how many of them farther than a normal distribution explains."""
    name = "poses far off"
    if poses is None and were_right:
        sentence = "The poses of the input are right: refining them explained the images no better."
        return Diagnostic(name, 0.0, MAXIMUM_MOVED_FRACTION, False, sentence, "")
    if poses is None:
        why = "Training did not refine the poses."
        return not_measured(
            name, MAXIMUM_MOVED_FRACTION, why, "Train without --no-refine-poses, where that was given."
        )
    degrees, angstroms = (float(value) for value in poses.standard_deviations)
    is_far = poses.is_capped.copy()
    rotations, shifts = np.rad2deg(poses.rotation_vectors), poses.shifts_in_angstroms
    for changes, width in ((rotations, degrees), (shifts, angstroms)):
        if width > 0:
            is_far |= (np.abs(changes) > MAXIMUM_STANDARD_DEVIATIONS * width).any(axis=1)
    fraction = float(is_far.mean()) if len(is_far) else 0.0
    return Diagnostic(
        name,
        fraction,
        MAXIMUM_MOVED_FRACTION,
        fraction > MAXIMUM_MOVED_FRACTION,
        f"The poses of the input are off by {degrees:.1f} degrees about each axis and {angstroms:.1f} Å along each (standard deviations "
        f"found in training); {int(is_far.sum()):,} of {len(is_far):,} particles ({fraction:.1%}) moved by more than three of these, "
        f"{int(poses.is_capped.sum()):,} of them to the limit.",
        "Many particles may be in a wrong orientation (pseudo-symmetry, a wrong basin of the search). Look at them (--where "
        '"pose_change gt ..."), refine them again with a global search, or leave them out.',
    )
