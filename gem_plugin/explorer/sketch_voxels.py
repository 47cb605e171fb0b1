"""The sketch maps as a matrix, decoded once: distances inside any mask then take a fraction of a second."""

from collections.abc import Iterable

import numpy as np
from scipy.spatial import cKDTree

from gem_plugin.errors import InputError
from gem_plugin.landscape.motion.gaussians import GaussianMotion
from gem_plugin.landscape.volume_pca import distances_from_products, inner_products, weighted_mean

FRACTION_OF_BRIGHT_LEVEL = (
    0.02  # of the bright level: voxels that stay below it in all maps hold nothing worth comparing
)
MAXIMUM_BYTES = 200_000_000  # a mask takes as much again for a moment
MAXIMUM_PRODUCTS = 4e10  # maps squared times voxels: about a second on two cores


class SketchVoxels:
    """Non-negative density of k maps where any of them has some; averaged over cubes of voxels where they are too many."""

    def __init__(
        self,
        volumes: Iterable[np.ndarray],  # k maps (d, d, d)
        n_maps: int,
        brightest: np.ndarray,  # (d, d, d): maximum over the maps
        bright_level: float,
    ) -> None:
        is_filled = brightest >= FRACTION_OF_BRIGHT_LEVEL * bright_level
        self.box_size = len(brightest)
        self.factor = 1  # voxels along a side of the cubes
        while True:
            self.cubes = np.flatnonzero(average_cubes(is_filled, self.factor).ravel() > 0)
            n_cubes = len(self.cubes)
            if 4 * n_maps * n_cubes <= MAXIMUM_BYTES and float(n_maps) ** 2 * n_cubes <= MAXIMUM_PRODUCTS:
                break
            self.factor *= 2
        self.matrix = np.empty((n_maps, n_cubes), np.float32)  # (k, v)
        for row, volume in zip(self.matrix, volumes, strict=True):
            row[:] = average_cubes(np.maximum(volume, 0), self.factor).ravel()[self.cubes]

    def weights_of(self, mask: np.ndarray) -> np.ndarray:  # (d, d, d), 0 to 1 -> (v,)
        """A mask on the columns of the matrix."""
        return average_cubes(mask, self.factor).ravel()[self.cubes]

    def distances(self, weights: np.ndarray, counts: np.ndarray) -> np.ndarray:  # (v,), (k,) -> (k, k)
        """Distances between the maps times the weights, as landscape measures them."""
        inside = weights > 0
        if not inside.any():
            raise InputError("The mask holds no density of any map. Take a lower level, or another mask.")
        voxels = self.matrix[:, inside] * weights[inside]
        products = inner_products(voxels, weighted_mean(voxels, counts.astype(np.float64)))
        return distances_from_products(products) * self.factor**1.5

    def is_in_part(
        self, motion: GaussianMotion, number: int, pixel_size_in_angstroms: float, is_flipped: bool
    ) -> np.ndarray:  # (v,) bool
        """Columns whose nearest Gaussian belongs to a part of the molecule."""
        side = -(-self.box_size // self.factor)
        cubes = np.stack(np.unravel_index(self.cubes, (side,) * 3), axis=1)  # (v, 3), ordered zyx
        voxels = cubes * self.factor + (self.factor - 1) / 2  # the middle of each
        if is_flipped:  # maps are mirrored, Gaussians are not
            voxels[:, 0] = self.box_size - 1 - voxels[:, 0]
        positions = (voxels[:, ::-1] - self.box_size // 2) * pixel_size_in_angstroms  # ordered xyz
        _, nearest = cKDTree(motion.positions_in_angstroms).query(positions)
        return motion.parts[nearest] == number


def average_cubes(
    volume: np.ndarray, factor: int
) -> np.ndarray:  # (d, d, d) -> (ceil(d / factor),) * 3 float32
    """Means over cubes of voxels; beyond the box there is nothing."""
    if factor == 1:
        return volume.astype(np.float32, copy=False)
    side = -(-len(volume) // factor)
    padded = np.pad(volume.astype(np.float32, copy=False), [(0, side * factor - len(volume))] * 3)
    return padded.reshape(side, factor, side, factor, side, factor).mean(axis=(1, 3, 5))
