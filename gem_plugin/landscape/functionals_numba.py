"""The inner loop of exact_coordinates: many maps read at once at every Gaussian. Numba compiles it at first use.

What makes it fast: all maps of a voxel lie together, so that the voxels along x are one long vector; the maps have a
margin of zeros, so that no Gaussian needs a border and every loop has a fixed length; two rows are added at a time.
The kernel holds no compiled function of its own: Numba would not find it in its cache, and every process would compile.
"""

from collections.abc import Callable
from functools import lru_cache

import numba
import numpy as np

from gem_plugin.gaussians.projection_numba import FAST, ZERO, fill_axis


@numba.njit(**FAST)
def add_row(totals, sums, weights_x, amplitude, footprint, n_maps):
    """Add the voxels of a row, weighted, to the totals (n_maps,)."""
    for number in range(n_maps):
        total = ZERO
        for k in range(footprint):
            total += weights_x[k] * sums[k * n_maps + number]
        totals[number] += amplitude * total


@lru_cache(maxsize=32)
def make_functional_kernel(footprint: int, n_maps: int) -> Callable:
    """Kernel for one footprint (voxels along an axis, even) and one number of maps.

    Arrays: positions (batch, n, 3) ordered xyz, amplitudes (batch, n), widths (1 or batch, n), all float32 and in Angstrom;
    order (n,): Gaussians of one neighbourhood together; centre (3,) float32: the position of the rotation centre in the maps,
    ordered xyz; table (n_widths, n_subpixels + 1, footprint); maps (depth, height, width * n_maps) float32 ordered zyx, all maps
    of a voxel together; values (chunks, batch, n_maps) float64, overwritten: one part of the Gaussians each, to be added up.
    Gaussians whose footprint does not lie within the maps count nothing.
    """
    before = footprint // 2 - 1
    row_length = footprint * n_maps

    @numba.njit(parallel=True, **FAST)
    def read_maps(positions, amplitudes, widths, order, voxels_per_angstrom, centre, table, log_smallest, per_log_unit, maps, values):  # fmt: skip
        n_clouds, n_gaussians = amplitudes.shape
        # a coordinate of at least `low` and below `high` has its whole footprint within the maps
        low = np.float32(before)
        high_x = np.float32(maps.shape[2] // n_maps - footprint + before + 1)
        high_y = np.float32(maps.shape[1] - footprint + before + 1)
        high_z = np.float32(maps.shape[0] - footprint + before + 1)
        for chunk in numba.prange(values.shape[0]):
            weights_x, weights_y = np.empty(footprint, np.float32), np.empty(footprint, np.float32)
            weights_z, steps = np.empty(footprint, np.float32), np.empty(footprint, np.float32)
            sums = np.empty(row_length, np.float32)
            voxels = np.empty((n_clouds, 3), np.float32)
            values[chunk] = 0.0
            first, last = chunk * n_gaussians // values.shape[0], (chunk + 1) * n_gaussians // values.shape[0]
            # all clouds for one Gaussian, then the next: its positions in the clouds are near each other in the maps
            for i in order[first:last]:
                for b in range(n_clouds):  # in a loop of its own, to wait for memory only once
                    for axis in range(3):
                        voxels[b, axis] = positions[b, i, axis] * voxels_per_angstrom + centre[axis]
                for b in range(n_clouds):
                    x, y, z = voxels[b, 0], voxels[b, 1], voxels[b, 2]
                    # False for NaN too
                    if not (x >= low and x < high_x and y >= low and y < high_y and z >= low and z < high_z):
                        continue
                    width = widths[b % widths.shape[0], i] * voxels_per_angstrom
                    first_x = fill_axis(weights_x, steps, x, width, table, log_smallest, per_log_unit)
                    first_y = fill_axis(weights_y, steps, y, width, table, log_smallest, per_log_unit)
                    first_z = fill_axis(weights_z, steps, z, width, table, log_smallest, per_log_unit)
                    sums[:] = ZERO
                    start = first_x * n_maps
                    for m in range(footprint):
                        for j in range(0, footprint, 2):
                            weight, next_weight = weights_z[m] * weights_y[j], weights_z[m] * weights_y[j + 1]
                            row = maps[first_z + m, first_y + j, start : start + row_length]
                            next_row = maps[first_z + m, first_y + j + 1, start : start + row_length]
                            for column in range(row_length):
                                sums[column] += weight * row[column] + next_weight * next_row[column]
                    add_row(values[chunk, b], sums, weights_x, amplitudes[b, i], footprint, n_maps)

    return read_maps
