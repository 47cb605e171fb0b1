"""How far each Gaussian moves over the particles, how much its amplitude changes, and which ones move as one part."""

from dataclasses import dataclass, field, fields

import numpy as np

from gem_plugin.landscape.motion.moving_parts import MovingParts, find_moving_parts
from gem_plugin.landscape.motion.rigid_pieces import joint_motions

FULL_PERCENTILE = 95  # of the amplitudes of a Gaussian: what it has where it is all there
PREFIX_OF_PARTS = "part_"  # of the arrays that have one row a part


@dataclass(frozen=True)
class GaussianMotion:
    """One row a Gaussian; and the parts that they make up."""

    positions_in_angstroms: np.ndarray  # (n, 3) xyz: mean over the particles
    amplitudes: np.ndarray  # (n,): mean
    displacement_in_angstroms: np.ndarray  # (n,): root mean square about the mean position
    main_displacement_in_angstroms: (
        np.ndarray
    )  # (n, 3): two standard deviations along the largest joint motion
    amplitude_change: np.ndarray  # (n,): standard deviation of the amplitude over its mean
    parts: np.ndarray  # (n,) int64 from 1: 1 is the rest, the last one moves most
    moving_parts: MovingParts
    occupancy: np.ndarray = (
        field(  # (n,) 0 to 1: mean amplitude over that where it is all there; empty in older runs
            default_factory=lambda: np.zeros(0)
        )
    )


def measure_motion(
    positions_in_angstroms: np.ndarray,  # (k, n, 3): clouds of k particles
    amplitudes: np.ndarray,  # (k, n)
    seed: int,
) -> GaussianMotion:
    """Compare the clouds of several particles."""
    positions = positions_in_angstroms.astype(np.float64)
    mean = positions.mean(axis=0)
    moved = positions - mean  # (k, n, 3)
    displacement = np.sqrt((moved**2).sum(axis=2).mean(axis=0))
    mean_amplitudes = amplitudes.mean(axis=0)
    change = amplitudes.std(axis=0) / np.maximum(mean_amplitudes, np.finfo(np.float32).tiny)
    parts, table = find_moving_parts(positions, amplitudes, seed)
    full = np.percentile(amplitudes, FULL_PERCENTILE, axis=0)
    occupancy = np.clip(mean_amplitudes / np.maximum(full, np.finfo(np.float32).tiny), 0, 1)
    main = 2 * joint_motions(moved)[0]
    return GaussianMotion(mean, mean_amplitudes, displacement, main, change, parts, table, occupancy)


def motion_to_arrays(motion: GaussianMotion) -> dict[str, np.ndarray]:
    """Every field as a named array, those of the parts with a prefix."""
    arrays = {name: value for name, value in vars(motion).items() if name != "moving_parts"}
    return arrays | {PREFIX_OF_PARTS + name: value for name, value in vars(motion.moving_parts).items()}


def motion_from_arrays(arrays: dict[str, np.ndarray]) -> GaussianMotion | None:
    """None where an older version measured it, whose parts have no errors."""
    names = [one.name for one in fields(MovingParts)]
    if any(PREFIX_OF_PARTS + name not in arrays for name in names):
        return None
    table = MovingParts(**{name: arrays[PREFIX_OF_PARTS + name] for name in names})
    of_gaussians = {name: value for name, value in arrays.items() if not name.startswith(PREFIX_OF_PARTS)}
    return GaussianMotion(**of_gaussians, moving_parts=table)
