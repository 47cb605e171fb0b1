"""What the surfaces of a run have in common: one view that shows the largest motion, and one density level."""

import itertools
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from gem_plugin.imaging.bright_level import DISPLAY_PERCENTILE
from gem_plugin.reports.chimerax_scripts import LEVEL_FRACTION

LOWEST_LEVEL_FRACTION = 0.15  # of the bright level: below it maps of noisy models grow skins
STEP_OF_FRACTION = 0.03
CONNECTED_FRACTION = 0.95  # of the voxels above the level, in one piece
MAXIMUM_PAIRS = 45  # of states whose difference is measured: all of ten states
ROUND = 1e-6  # relative difference of two axes that are alike
FLAT = 1e-12  # squared length of displacements that are none


def common_level(volume: np.ndarray) -> float:  # (box, box, box): the mean of the maps
    """The level of the ChimeraX scripts, or lower where the molecule would fall apart, but not into the noise."""
    bright = float(np.percentile(volume, DISPLAY_PERCENTILE))
    fractions = np.arange(LEVEL_FRACTION, LOWEST_LEVEL_FRACTION - 1e-9, -STEP_OF_FRACTION)
    for fraction in fractions:
        inside = volume >= fraction * bright
        labels, n_pieces = ndimage.label(inside)
        largest = np.bincount(labels.ravel())[1:].max(initial=0)
        if n_pieces and largest >= CONNECTED_FRACTION * inside.sum():
            return float(fraction) * bright
    return LEVEL_FRACTION * bright


def common_view(
    positions: np.ndarray,  # (n, 3) Å from the rotation centre, ordered xyz: of the molecule
    weights: np.ndarray,  # (n,): its density there
    displacements: np.ndarray,  # (k, 3) Å: of what moves, each of any sign; (0, 3) where nothing is known
    moving_positions: np.ndarray,  # (k, 3): where that is
) -> np.ndarray:  # (3, 3): rows right, up, towards the viewer, in the frame of the map
    """The view along the shortest axis of molecule and motion, perpendicular to the largest displacement.

    The longest axis is upright, with what moves above the middle of the molecule and in front of it. The view is a proper
    rotation, so the picture has the hand of the map.
    """
    total = max(float(weights.sum()), np.finfo(np.float32).tiny)
    centre = weights @ positions / total
    centred = positions - centre
    molecule = np.einsum("n,ni,nj->ij", weights / total, centred, centred)
    motion = displacements.T @ displacements if len(displacements) else np.zeros((3, 3))
    both = molecule / max(np.trace(molecule), FLAT)
    if np.trace(motion) > FLAT:
        both = both + motion / np.trace(motion)
        largest = np.linalg.eigh(motion)[1][:, -1]
        basis = np.linalg.svd(largest[None])[2][1:].T  # (3, 2): the plane across the displacement
        towards = basis @ np.linalg.eigh(basis.T @ both @ basis)[1][:, 0]
    else:
        towards = np.linalg.eigh(both)[1][:, 0]
    side = moving_positions.mean(axis=0) - centre if len(moving_positions) else np.zeros(3)
    towards = _with_sign(towards, side)
    plane = np.linalg.svd(towards[None])[2][1:].T  # (3, 2)
    values, vectors = np.linalg.eigh(plane.T @ molecule @ plane)
    is_round = values[1] - values[0] <= ROUND * max(values[1], FLAT)
    up = plane @ vectors[:, 1]
    if is_round:  # no axis is longer: the one of the map that lies flattest stays upright
        nearest = np.abs(towards).argmin()
        up = np.eye(3)[nearest] - towards[nearest] * towards
        up /= np.linalg.norm(up)
    up = _with_sign(up, side)
    return np.stack([np.cross(up, towards), up, towards])


def _with_sign(axis: np.ndarray, side: np.ndarray) -> np.ndarray:
    """The axis that points to that side; where neither does, its largest component is positive."""
    along = float(axis @ side)
    if abs(along) > ROUND * max(float(np.linalg.norm(side)), ROUND):
        return axis if along > 0 else -axis
    return axis * np.sign(axis[np.abs(axis).argmax()])


def displacements_between(
    volumes: Sequence[np.ndarray],  # (box, box, box) each, on one grid
    pixel_size_in_angstroms: float,
    level: float,
) -> tuple[np.ndarray, np.ndarray]:  # (k, 3) Å each, ordered xyz
    """How the centre of mass goes from state to state, and where density changes: for models without Gaussians.

    The first is the first moment of the difference of two maps over the mass of the molecule.
    """
    displacements, places = [], []
    masses = [np.where(one >= level / 2, one, 0) for one in volumes]
    for first, second in itertools.islice(itertools.combinations(masses, 2), MAXIMUM_PAIRS):
        difference = second / max(second.sum(), FLAT) - first / max(first.sum(), FLAT)
        displacements.append(_first_moment(difference) * pixel_size_in_angstroms)
        changed = np.abs(difference)
        places.append(_first_moment(changed) / max(changed.sum(), FLAT) * pixel_size_in_angstroms)
    if not displacements:
        return np.zeros((0, 3)), np.zeros((0, 3))
    return np.stack(displacements), np.stack(places)


def density_points(
    volume: np.ndarray, pixel_size_in_angstroms: float, level: float
) -> tuple[np.ndarray, np.ndarray]:  # (n, 3) Å xyz, (n,)
    """The voxels at the level as points, with their density."""
    inside = np.argwhere(volume >= level)
    return (inside[:, ::-1] - len(volume) // 2) * pixel_size_in_angstroms, volume[tuple(inside.T)].astype(
        float
    )


def _first_moment(volume: np.ndarray) -> np.ndarray:  # (3,) voxels, ordered xyz
    axis = np.arange(len(volume)) - len(volume) // 2
    return np.array(
        [volume.sum(axis=tuple(other for other in range(3) if other != one)) @ axis for one in (2, 1, 0)]
    )
