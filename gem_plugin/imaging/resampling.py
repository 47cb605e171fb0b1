"""Volumes on another grid about the same rotation centre: other voxels, another box, or both."""

import numpy as np

EDGE_TOLERANCE = 1e-6  # voxels: rounding


def resample_map(
    volume: np.ndarray,  # (b, b, b), ordered zyx
    factor: float,  # new voxel size over the old one
    new_box_size: int,
) -> np.ndarray:  # (new box,) * 3 float32
    """The map sampled at the new voxels, with what lies beyond the Nyquist frequency of either grid removed.

    Voxel b // 2 becomes voxel new box // 2, and density keeps its level. Outside the old box the new map is 0. Boxes that
    cover the same space give what cutting the Fourier transform gives (fourier_crop_volume).
    """
    resampled = np.ascontiguousarray(volume, dtype=np.float32)
    if factor == 1:
        return _cut_or_padded(resampled, new_box_size)
    matrix = _interpolation_matrix(len(volume), factor, new_box_size)
    for axis in range(3):
        resampled = np.moveaxis(np.tensordot(resampled, matrix, axes=([axis], [1])), -1, axis)
    return np.ascontiguousarray(resampled)


def resample_mask(mask: np.ndarray, factor: float, new_box_size: int) -> np.ndarray:
    """The mask at the new voxels by linear interpolation, which keeps its values from 0 to 1; 0 outside the old box."""
    if factor == 1:
        return _cut_or_padded(mask, new_box_size)
    positions = _positions(len(mask), factor, new_box_size)
    resampled = mask
    for axis in range(3):
        resampled = _interpolated(resampled, positions, axis)
    return resampled.astype(np.float32)


def _cut_or_padded(volume: np.ndarray, new_box_size: int) -> np.ndarray:
    box_size = len(volume)
    before = new_box_size // 2 - box_size // 2  # voxels that are added; below 0: taken away
    start, end = max(0, -before), min(box_size, new_box_size - before)
    padded = np.zeros((new_box_size,) * 3, dtype=np.float32)
    kept, target = slice(start, end), slice(start + before, end + before)
    padded[target, target, target] = volume[kept, kept, kept]
    return padded


def _positions(box_size: int, factor: float, new_box_size: int) -> np.ndarray:  # (new box,) in old voxels
    return (np.arange(new_box_size) - new_box_size // 2) * factor + box_size // 2


def _interpolation_matrix(box_size: int, factor: float, new_box_size: int) -> np.ndarray:  # (new box, box)
    """Trigonometric interpolation along one axis, band-limited to the coarser of the two grids."""
    positions = _positions(box_size, factor, new_box_size)
    offsets = positions[:, None] - np.arange(box_size)[None, :]
    highest = box_size / max(1.0, factor) / 2  # cycles per old box, at the Nyquist frequency
    frequencies = np.arange(1, int(np.floor(highest + EDGE_TOLERANCE)) + 1)
    weights = np.where(frequencies > highest - EDGE_TOLERANCE, 1.0, 2.0)  # Nyquist of both signs counts once
    matrix = np.ones_like(offsets)
    for frequency, weight in zip(frequencies, weights, strict=True):
        matrix += weight * np.cos(2 * np.pi / box_size * frequency * offsets)
    is_outside = (positions < -0.5 - EDGE_TOLERANCE) | (positions > box_size - 0.5 + EDGE_TOLERANCE)
    matrix[is_outside] = 0
    return (matrix / box_size).astype(np.float32)


def _interpolated(volume: np.ndarray, positions: np.ndarray, axis: int) -> np.ndarray:
    """Linear along one axis; 0 from one voxel outside on."""
    padded = np.pad(volume, [(1, 1) if other == axis else (0, 0) for other in range(3)])
    last = padded.shape[axis] - 1
    positions = (positions + 1).clip(0, last)
    lower = np.floor(positions).astype(np.int64).clip(max=last - 1)
    fraction = np.expand_dims(positions - lower, [other for other in range(3) if other != axis])
    return padded.take(lower, axis) * (1 - fraction) + padded.take(lower + 1, axis) * fraction
