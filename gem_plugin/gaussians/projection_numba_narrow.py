"""The projection for CPUs once more, for clouds of one width that touch four pixels along an axis: what trainings use by default.

The same sums as in projection_numba.py, written out so that four pixels of a row are one instruction: 2 to 3 times as fast.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import numba
import numpy as np

from gem_plugin.gaussians.projection_numba import FAST, ZERO, is_near_box, project_point, subpixel_of

FOOTPRINT = 4  # pixels along an axis
BEFORE = FOOTPRINT // 2 - 1  # of them below the one that holds the centre
Index = np.uint64  # spares the check for negative indices
CUBE = numba.float32[:, :, ::1]
MATRIX = numba.float32[:, ::1]


class NarrowKernels(NamedTuple):
    """Arguments as those of projection_numba.Kernels."""

    splat: Callable
    gather: Callable


@numba.njit(**FAST)
def splat_image(positions, amplitudes, rotation, table, image):
    """Add the Gaussians of one image to it."""
    box, n_subpixels = image.shape[0], table.shape[0] - 1
    centre, end, margin = np.float32(box // 2), np.float32(box), np.float32(FOOTPRINT)
    lowest, highest = np.float32(BEFORE), np.float32(box - FOOTPRINT + BEFORE + 1)
    for i in range(positions.shape[0]):
        x, y = project_point(rotation, positions[i], centre)
        if not is_near_box(x, y, end, margin):
            continue
        pixel_x, row_x, part_x = subpixel_of(x, n_subpixels)
        pixel_y, row_y, part_y = subpixel_of(y, n_subpixels)
        low, high = table[Index(row_x)], table[Index(row_x + 1)]
        a = low[0] + part_x * (high[0] - low[0])
        b = low[1] + part_x * (high[1] - low[1])
        c = low[2] + part_x * (high[2] - low[2])
        d = low[3] + part_x * (high[3] - low[3])
        low, high = table[Index(row_y)], table[Index(row_y + 1)]
        amplitude = amplitudes[i]
        if x >= lowest and x < highest and y >= lowest and y < highest:
            column, line = Index(pixel_x - BEFORE), Index(pixel_y - BEFORE)
            for j in range(FOOTPRINT):
                weight = amplitude * (low[j] + part_y * (high[j] - low[j]))
                pixels = image[line + Index(j)]
                e, f = pixels[column], pixels[column + Index(1)]
                g, h = pixels[column + Index(2)], pixels[column + Index(3)]
                pixels[column], pixels[column + Index(1)] = e + weight * a, f + weight * b
                pixels[column + Index(2)], pixels[column + Index(3)] = g + weight * c, h + weight * d
        else:
            across = (a, b, c, d)
            for j in range(FOOTPRINT):
                y_at = pixel_y - BEFORE + j
                if 0 <= y_at < box:
                    weight = amplitude * (low[j] + part_y * (high[j] - low[j]))
                    for k in range(FOOTPRINT):
                        x_at = pixel_x - BEFORE + k
                        if 0 <= x_at < box:
                            image[y_at, x_at] += weight * across[k]


@numba.njit(**FAST)
def sums_at_the_edge(image, pixel_x, pixel_y, part_x, part_y, row_x, row_y, table, derivatives):
    """Of a Gaussian that lies partly outside: sums of the pixels by weights, by slopes along x and along y."""
    box = image.shape[0]
    total, along_x, along_y = ZERO, ZERO, ZERO
    for j in range(FOOTPRINT):
        line = pixel_y - BEFORE + j
        if 0 <= line < box:
            weight_y = table[row_y, j] + part_y * (table[row_y + 1, j] - table[row_y, j])
            slope_y = derivatives[row_y, j] + part_y * (derivatives[row_y + 1, j] - derivatives[row_y, j])
            for k in range(FOOTPRINT):
                column = pixel_x - BEFORE + k
                if 0 <= column < box:
                    weight_x = table[row_x, k] + part_x * (table[row_x + 1, k] - table[row_x, k])
                    slope_x = derivatives[row_x, k] + part_x * (
                        derivatives[row_x + 1, k] - derivatives[row_x, k]
                    )
                    total += weight_y * weight_x * image[line, column]
                    along_x += weight_y * slope_x * image[line, column]
                    along_y += slope_y * weight_x * image[line, column]
    return total, along_x, along_y


@numba.njit(**FAST)
def gather_image(positions, amplitudes, rotation, table, derivatives, image, by_position, by_amplitude):
    """The gradients of the Gaussians of one image, from the gradients of its pixels."""
    box, n_subpixels = image.shape[0], table.shape[0] - 1
    centre, end, margin = np.float32(box // 2), np.float32(box), np.float32(FOOTPRINT)
    lowest, highest = np.float32(BEFORE), np.float32(box - FOOTPRINT + BEFORE + 1)
    for i in range(positions.shape[0]):
        total, along_x, along_y = ZERO, ZERO, ZERO
        x, y = project_point(rotation, positions[i], centre)
        if is_near_box(x, y, end, margin):
            pixel_x, row_x, part_x = subpixel_of(x, n_subpixels)
            pixel_y, row_y, part_y = subpixel_of(y, n_subpixels)
            low, high = table[Index(row_x)], table[Index(row_x + 1)]
            a = low[0] + part_x * (high[0] - low[0])
            b = low[1] + part_x * (high[1] - low[1])
            c = low[2] + part_x * (high[2] - low[2])
            d = low[3] + part_x * (high[3] - low[3])
            low, high = derivatives[Index(row_x)], derivatives[Index(row_x + 1)]
            slope_a = low[0] + part_x * (high[0] - low[0])
            slope_b = low[1] + part_x * (high[1] - low[1])
            slope_c = low[2] + part_x * (high[2] - low[2])
            slope_d = low[3] + part_x * (high[3] - low[3])
            low, high = table[Index(row_y)], table[Index(row_y + 1)]
            slope_low, slope_high = derivatives[Index(row_y)], derivatives[Index(row_y + 1)]
            if x >= lowest and x < highest and y >= lowest and y < highest:
                column, line = Index(pixel_x - BEFORE), Index(pixel_y - BEFORE)
                e, f, g, h = ZERO, ZERO, ZERO, ZERO  # rows weighted along y
                slope_e, slope_f, slope_g, slope_h = ZERO, ZERO, ZERO, ZERO
                for j in range(FOOTPRINT):
                    weight = low[j] + part_y * (high[j] - low[j])
                    slope = slope_low[j] + part_y * (slope_high[j] - slope_low[j])
                    pixels = image[line + Index(j)]
                    s, t = pixels[column], pixels[column + Index(1)]
                    u, v = pixels[column + Index(2)], pixels[column + Index(3)]
                    e, f, g, h = e + weight * s, f + weight * t, g + weight * u, h + weight * v
                    slope_e, slope_f = slope_e + slope * s, slope_f + slope * t
                    slope_g, slope_h = slope_g + slope * u, slope_h + slope * v
                total = a * e + b * f + c * g + d * h
                along_x = slope_a * e + slope_b * f + slope_c * g + slope_d * h
                along_y = a * slope_e + b * slope_f + c * slope_g + d * slope_h
            else:
                total, along_x, along_y = sums_at_the_edge(
                    image, pixel_x, pixel_y, part_x, part_y, row_x, row_y, table, derivatives
                )
        by_amplitude[i] = total
        along_x *= amplitudes[i]
        along_y *= amplitudes[i]
        for axis in range(3):
            by_position[i, axis] = rotation[0, axis] * along_x + rotation[1, axis] * along_y


def _splat(positions, amplitudes, widths, rotations, table, log_smallest, per_log_unit, images):
    for b in numba.prange(positions.shape[0]):
        splat_image(positions[b], amplitudes[b], rotations[b], table[0], images[b])


def _gather(positions, amplitudes, widths, rotations, table, derivatives, log_smallest, per_log_unit, gradients, position_gradients, amplitude_gradients):  # fmt: skip
    for b in numba.prange(positions.shape[0]):
        gather_image(positions[b], amplitudes[b], rotations[b], table[0], derivatives[0], gradients[b], position_gradients[b], amplitude_gradients[b])  # fmt: skip


@lru_cache(maxsize=1)
def narrow_kernels() -> NarrowKernels:
    """Compiled at the first call; kept in Numba's cache for later processes."""
    number = numba.float32
    of_cloud = (CUBE, MATRIX, MATRIX, CUBE)
    with vectorised_statements():
        splat = numba.njit(numba.void(*of_cloud, CUBE, number, number, CUBE), parallel=True, **FAST)(_splat)
        gather = numba.njit(
            numba.void(*of_cloud, CUBE, CUBE, number, number, CUBE, CUBE, MATRIX), parallel=True, **FAST
        )(_gather)
    return NarrowKernels(splat, gather)


@contextmanager
def vectorised_statements() -> Iterator[None]:
    """Let LLVM join statements that do the same with neighbours in memory, which Numba does not by default."""
    config: Any = numba.config
    before = config.SLP_VECTORIZE
    config.SLP_VECTORIZE = 1
    try:
        yield
    finally:
        config.SLP_VECTORIZE = before
