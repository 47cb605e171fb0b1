"""By which angle the most mobile part rotates, where its motion is a rotation at all."""

import numpy as np

from gem_plugin.landscape.motion.gaussians import GaussianMotion

MINIMUM_EXPLAINED = 0.6  # fraction of the squared displacement about its mean that one rotation explains
MINIMUM_ANGLE_IN_DEGREES = 1.0
MAXIMUM_ANGLE_IN_DEGREES = (
    40.0  # of the standard deviation: beyond it displacements are no longer along the tangents
)
MINIMUM_GAUSSIANS = 10
STANDARD_DEVIATIONS = 2.0  # that the main displacement stands for


def rotation_of_part_in_degrees(motion: GaussianMotion) -> float | None:
    """Standard deviation of the angle about the mean orientation, in degrees; None where the motion is not a rotation.

    The main displacements d of the part (weighted by amplitude) are fitted by d = t + w x (r - c), the first order of a rotation w
    about any axis. The largest joint motion is the same for all parts, so the angle is that of the last one, which moves most.
    """
    if len(motion.moving_parts.gaussians) < 2:
        return None
    member = motion.parts == len(motion.moving_parts.gaussians)
    weights = np.maximum(motion.amplitudes[member], 0).astype(np.float64)
    if member.sum() < MINIMUM_GAUSSIANS or weights.sum() <= 0:
        return None
    weights /= weights.sum()
    places = motion.positions_in_angstroms[member] - weights @ motion.positions_in_angstroms[member]
    displacements = motion.main_displacement_in_angstroms[member]
    about_mean = displacements - weights @ displacements
    squared = np.einsum("n,ni,ni->", weights, about_mean, about_mean)
    moments = np.einsum("n,ni,nj->ij", weights, places, places)
    inertia = np.trace(moments) * np.eye(3) - moments
    rotation = np.linalg.pinv(inertia) @ (weights @ np.cross(places, about_mean))
    fitted = np.cross(rotation, places)
    explained = np.einsum("n,ni,ni->", weights, fitted, fitted)
    angle = float(np.degrees(np.linalg.norm(rotation))) / STANDARD_DEVIATIONS
    is_rotation = squared > 0 and explained >= MINIMUM_EXPLAINED * squared
    return angle if is_rotation and MINIMUM_ANGLE_IN_DEGREES <= angle <= MAXIMUM_ANGLE_IN_DEGREES else None
