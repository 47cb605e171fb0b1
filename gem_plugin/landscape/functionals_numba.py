"""The inner loop of exact_coordinates: many maps read at once at every Gaussian. Numba compiles it at first use."""

from collections.abc import Callable
from functools import lru_cache

import numba
import numpy as np

from gem_plugin.gaussians.projection_numba import (
    FAST,
    ZERO,
    fill_weights,
    fill_weights_between,
    level_of_width,
    place_in_table,
)


@lru_cache(maxsize=32)
def make_functional_kernel(footprint: int, n_maps: int, has_many_widths: bool) -> Callable:
    """Kernel for one footprint (voxels along an axis) and one number of maps.

    Arrays: positions (batch, n, 3) ordered xyz, amplitudes (batch, n), widths (1 or batch, n), all float32 and in
    voxels; table (n_widths, places + 1, footprint); maps (box, box, box * n_maps) ordered zyx, all maps of a voxel together;
    values (chunks, batch, n_maps) float64, overwritten: one part of the Gaussians each, to be added up.
    """
    before = footprint // 2 - 1

    @numba.njit(**FAST)
    def fill_axis(weights, steps, coordinate, width, table, log_smallest, per_log_unit):
        """The weights of one Gaussian along one axis; gives the voxel of the first weight."""
        below, place, fraction = place_in_table(coordinate, table.shape[1] - 1)
        if has_many_widths:
            level, part = level_of_width(width, log_smallest, per_log_unit, table.shape[0])
            fill_weights_between(weights, steps, table, level, part, place, fraction)
        else:
            fill_weights(weights, table[0], place, fraction)
        return below - before

    @numba.njit(**FAST)
    def add_scaled(sums, weight, row):
        for place in range(sums.shape[0]):  # both start at 0, so that the compiler sees no negative index
            sums[place] += weight * row[place]

    @numba.njit(parallel=True, **FAST)
    def read_maps(positions, amplitudes, widths, table, log_smallest, per_log_unit, maps, values):
        box = maps.shape[0]
        centre = np.float32(box // 2)
        low, high = np.float32(-footprint), np.float32(box + footprint)
        n_gaussians = positions.shape[1]
        for chunk in numba.prange(values.shape[0]):
            weights_x, weights_y = np.empty(footprint, np.float32), np.empty(footprint, np.float32)
            weights_z, steps = np.empty(footprint, np.float32), np.empty(footprint, np.float32)
            rows = np.empty(footprint * n_maps, np.float32)  # the maps summed along z and y
            values[chunk] = 0.0
            first, last = chunk * n_gaussians // values.shape[0], (chunk + 1) * n_gaussians // values.shape[0]
            # all clouds for one Gaussian, then the next: its places in the clouds are near each other in the maps
            for step in range((last - first) * positions.shape[0]):
                i, b = first + step // positions.shape[0], step % positions.shape[0]
                x, y, z = (
                    positions[b, i, 0] + centre,
                    positions[b, i, 1] + centre,
                    positions[b, i, 2] + centre,
                )
                # False for NaN too
                if not (x > low and x < high and y > low and y < high and z > low and z < high):
                    continue
                width = widths[b % widths.shape[0], i]
                first_x = fill_axis(weights_x, steps, x, width, table, log_smallest, per_log_unit)
                first_y = fill_axis(weights_y, steps, y, width, table, log_smallest, per_log_unit)
                first_z = fill_axis(weights_z, steps, z, width, table, log_smallest, per_log_unit)
                start, stop = max(0, -first_x), min(footprint, box - first_x)
                first_voxel = (first_x + start) * n_maps
                used = rows[: max(0, stop - start) * n_maps]
                used[:] = ZERO
                for m in range(max(0, -first_z), min(footprint, box - first_z)):
                    for j in range(max(0, -first_y), min(footprint, box - first_y)):
                        row = maps[first_z + m, first_y + j, first_voxel : first_voxel + used.shape[0]]
                        add_scaled(used, weights_z[m] * weights_y[j], row)
                for k in range(start, stop):
                    weight = amplitudes[b, i] * weights_x[k]
                    for number in range(n_maps):
                        values[chunk, b, number] += weight * used[(k - start) * n_maps + number]

    return read_maps
