"""How well a map agrees with itself after rotations. What counts as symmetric is not decided here."""

import numpy as np
import torch
from scipy import ndimage

from gem_plugin.imaging.fourier import fourier_crop_volume

MAXIMUM_BOX = 64  # pixels: enough to distinguish subunits, and 60 operators take a few seconds
PASSED, STOPPED = (
    0.5,
    0.75,
)  # of Nyquist: lower frequencies stay, higher ones go, so that cubic splines are exact
BRIGHT = 0.1  # of the highest density: voxels that belong to the molecule where no mask is given
DILATION = 2  # voxels
ANGLES_OF_AVERAGE = 71  # a prime: no usual fold hides in it
EDGE = 2  # voxels between the compared sphere and the box
MINIMUM_VARIANCE = 1e-6  # of the squared density: less than this beside the average is rounding
SPLINE_ORDER = 3


def agreements_with_rotations(
    volume: np.ndarray,  # (box, box, box), ordered zyx
    operators: np.ndarray,  # (k, 3, 3): a point v (xyz, from box // 2) is compared with R v
    has_axis_along_z: bool,  # cyclic and dihedral groups
    mask: np.ndarray | None = None,  # (box, box, box): compared where it is above 0.5
    maximum_box: int = MAXIMUM_BOX,
) -> np.ndarray:  # (k,) correlations, -1 to 1
    """Correlation of the density at v and at R v, over the points of the molecule.

    The average over all rotations (about z, where that is the axis of the group; else about the centre) is taken off
    first: it agrees with itself in any case, and would let C6 pass for C7. The smaller of both correlations counts.
    """
    box = min(maximum_box, len(volume) - len(volume) % 2)
    small = _smooth(_cropped(volume, box))
    inside = _compared(small, None if mask is None else _cropped(mask, box))
    points = np.stack(np.nonzero(inside)[::-1], axis=1) - box // 2  # (p, 3), ordered xyz
    coefficients = ndimage.spline_filter(small, SPLINE_ORDER)
    averages: list[_SphericalAverage | _AverageAboutZ] = [_SphericalAverage(coefficients)]
    averages += [_AverageAboutZ(coefficients)] if has_axis_along_z else []
    density = _at(coefficients, points)
    residuals = [density - average.at(points) for average in averages]
    variance = float(np.var(density)) + float(np.mean(density) ** 2)
    is_telling = [float(np.mean(residual**2)) > MINIMUM_VARIANCE * variance for residual in residuals]
    agreements = np.ones(len(operators))
    for index, operator in enumerate(operators):
        rotated = points @ operator.T
        turned = _at(coefficients, rotated)
        for average, residual, tells in zip(averages, residuals, is_telling):
            if tells:
                found = _correlation(residual, turned - average.at(rotated))
                agreements[index] = min(agreements[index], found)
    return agreements


def _cropped(volume: np.ndarray, box: int) -> np.ndarray:
    if len(volume) == box:
        return np.asarray(volume, dtype=np.float32)
    even = volume[
        : len(volume) - len(volume) % 2, : len(volume) - len(volume) % 2, : len(volume) - len(volume) % 2
    ]
    return fourier_crop_volume(torch.from_numpy(np.ascontiguousarray(even, dtype=np.float32)), box).numpy()


def _smooth(volume: np.ndarray) -> np.ndarray:
    """Without the frequencies that interpolation gets wrong; a raised cosine in between."""
    box = len(volume)
    z, y = np.fft.fftfreq(box), np.fft.fftfreq(box)
    x = np.fft.rfftfreq(box)
    radius = 2 * np.sqrt(z[:, None, None] ** 2 + y[None, :, None] ** 2 + x[None, None, :] ** 2)
    fraction = ((radius - PASSED) / (STOPPED - PASSED)).clip(0, 1)
    return np.fft.irfftn(
        np.fft.rfftn(volume) * (0.5 + 0.5 * np.cos(np.pi * fraction)), s=volume.shape, axes=(0, 1, 2)
    )


def _compared(volume: np.ndarray, mask: np.ndarray | None) -> np.ndarray:  # (box, box, box) bool
    """Voxels of the molecule that stay in the box whatever the rotation."""
    box = len(volume)
    offsets = np.arange(box) - box // 2
    squares = offsets[:, None, None] ** 2 + offsets[None, :, None] ** 2 + offsets[None, None, :] ** 2
    sphere = squares <= (box // 2 - EDGE) ** 2
    if mask is not None and (sphere & (mask > 0.5)).any():
        return sphere & (mask > 0.5)
    bright = sphere & (volume > BRIGHT * volume[sphere].max())
    return sphere & ndimage.binary_dilation(bright, iterations=DILATION)


def _at(coefficients: np.ndarray, points: np.ndarray) -> np.ndarray:  # (p, 3) xyz from the centre -> (p,)
    indices = points[:, ::-1].T + len(coefficients) // 2
    return ndimage.map_coordinates(coefficients, indices, order=SPLINE_ORDER, prefilter=False)


class _SphericalAverage:
    """The mean density at each distance from the centre."""

    def __init__(self, coefficients: np.ndarray) -> None:
        box = len(coefficients)
        indices = np.stack(np.meshgrid(*[np.arange(box) - box // 2] * 3, indexing="ij"), axis=-1).reshape(
            -1, 3
        )
        radii = np.sqrt((indices**2).sum(axis=1))
        keep = radii < box // 2
        values = _at(coefficients, indices[keep][:, ::-1])
        nearest = np.rint(radii[keep]).astype(np.int64)
        self._profile = np.bincount(nearest, values) / np.maximum(np.bincount(nearest), 1)
        counts = np.maximum(np.bincount(nearest), 1)
        self._radii = np.bincount(nearest, radii[keep]) / counts

    def at(self, points: np.ndarray) -> np.ndarray:
        return np.interp(np.sqrt((points**2).sum(axis=1)), self._radii, self._profile)


class _AverageAboutZ:
    """The mean density over all rotations about z, by distance from the axis and height."""

    def __init__(self, coefficients: np.ndarray) -> None:
        box = len(coefficients)
        self._centre = box // 2
        radii, heights = np.arange(self._centre), np.arange(box) - self._centre
        angles = 2 * np.pi * np.arange(ANGLES_OF_AVERAGE) / ANGLES_OF_AVERAGE
        height, radius, angle = np.meshgrid(heights, radii, angles, indexing="ij")
        points = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=-1).reshape(-1, 3)
        values = _at(coefficients, points).reshape(height.shape)
        self._profile = values.mean(axis=2)  # (heights, radii)

    def at(self, points: np.ndarray) -> np.ndarray:
        radii = np.hypot(points[:, 0], points[:, 1])
        indices = np.stack([points[:, 2] + self._centre, radii])
        return ndimage.map_coordinates(self._profile, indices, order=SPLINE_ORDER, mode="nearest")


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    norm = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / norm if norm > 0 else 0.0
