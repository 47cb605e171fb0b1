"""Gaussians to voxels and back, for CPUs: the three-dimensional brother of projection_numba."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np

from gem_plugin.gaussians.projection_numba import FAST, ZERO, fill_axis


class VolumeKernels(NamedTuple):
    splat: Callable
    gather: Callable


@numba.njit(**FAST)
def is_near(coordinate, box, margin):
    """False for NaN too."""
    return coordinate > -margin and coordinate < box + margin


@numba.njit(**FAST)
def weigh(position, width, table, log_smallest, per_log_unit, centre, weights, first):
    """Fill weights (4, footprint; the last row is scratch) and first (3,) for the axes x, y, z."""
    for axis in range(3):
        coordinate = position[axis] + centre
        first[axis] = fill_axis(
            weights[axis], weights[3], coordinate, width, table, log_smallest, per_log_unit
        )


@lru_cache(maxsize=32)
def make_volume_kernels(footprint: int) -> VolumeKernels:  # noqa: C901 (two small loops)
    """splat adds clouds to volumes; gather reads, for every Gaussian, the volume weighted by that Gaussian.

    Arrays, all float32 and in pixels: positions (batch, n, 3) ordered xyz, amplitudes (batch, n), widths (1 or batch, n),
    table (n_widths, n_subpixels + 1, footprint), volumes (batch, box, box, box) ordered zyx; gather's volumes may be (1, ...).
    """

    @numba.njit(parallel=True, **FAST)
    def splat(positions, amplitudes, widths, table, log_smallest, per_log_unit, volumes):
        box = volumes.shape[1]
        centre = np.float32(box // 2)
        for b in numba.prange(positions.shape[0]):
            weights, first = np.empty((4, footprint), np.float32), np.empty(3, np.int64)
            for i in range(positions.shape[1]):
                x, y, z = (
                    positions[b, i, 0] + centre,
                    positions[b, i, 1] + centre,
                    positions[b, i, 2] + centre,
                )
                if not (
                    is_near(x, box, footprint) and is_near(y, box, footprint) and is_near(z, box, footprint)
                ):
                    continue
                width = widths[b % widths.shape[0], i]
                weigh(positions[b, i], width, table, log_smallest, per_log_unit, centre, weights, first)
                x0, y0, z0 = first[0], first[1], first[2]
                for m in range(max(0, -z0), min(footprint, box - z0)):
                    weight_z = amplitudes[b, i] * weights[2, m]
                    for j in range(max(0, -y0), min(footprint, box - y0)):
                        weight = weight_z * weights[1, j]
                        if x0 >= 0 and x0 + footprint <= box:
                            for k in range(footprint):
                                volumes[b, z0 + m, y0 + j, x0 + k] += weight * weights[0, k]
                        else:
                            for k in range(max(0, -x0), min(footprint, box - x0)):
                                volumes[b, z0 + m, y0 + j, x0 + k] += weight * weights[0, k]

    @numba.njit(parallel=True, **FAST)
    def gather(positions, widths, table, log_smallest, per_log_unit, volumes, values):
        box = volumes.shape[1]
        centre = np.float32(box // 2)
        for b in numba.prange(positions.shape[0]):
            weights, first = np.empty((4, footprint), np.float32), np.empty(3, np.int64)
            v = b % volumes.shape[0]
            for i in range(positions.shape[1]):
                values[b, i] = ZERO
                x, y, z = (
                    positions[b, i, 0] + centre,
                    positions[b, i, 1] + centre,
                    positions[b, i, 2] + centre,
                )
                if not (
                    is_near(x, box, footprint) and is_near(y, box, footprint) and is_near(z, box, footprint)
                ):
                    continue
                width = widths[b % widths.shape[0], i]
                weigh(positions[b, i], width, table, log_smallest, per_log_unit, centre, weights, first)
                x0, y0, z0 = first[0], first[1], first[2]
                total = ZERO
                for m in range(max(0, -z0), min(footprint, box - z0)):
                    for j in range(max(0, -y0), min(footprint, box - y0)):
                        row = ZERO
                        for k in range(max(0, -x0), min(footprint, box - x0)):
                            row += weights[0, k] * volumes[v, z0 + m, y0 + j, x0 + k]
                        total += weights[2, m] * weights[1, j] * row
                values[b, i] = total

    return VolumeKernels(splat, gather)
