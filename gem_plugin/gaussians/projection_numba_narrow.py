"""The projection for CPUs once more, for clouds of one width that touch four pixels along an axis: what trainings use by default.

The same sums as in projection_numba.py with four pixels of a row in one vector: 4 to 6 times as fast.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np

from gem_plugin.gaussians.pixel_tables import SUBPIXELS_PER_PIXEL
from gem_plugin.gaussians.projection_numba import FAST, ZERO, is_near_box, project_point, subpixel_of
from gem_plugin.gaussians.vectors_numba import (
    eight_of,
    first_half,
    four_of,
    four_of_0,
    four_of_1,
    four_of_2,
    four_of_3,
    load_eight,
    load_four,
    repeat_0,
    repeat_1,
    repeat_2,
    repeat_3,
    second_half,
    store_four,
    total_of,
    twice,
)

FOOTPRINT = 4  # pixels along an axis
BEFORE = FOOTPRINT // 2 - 1  # of them below the one that holds the centre
CUBE = numba.float32[:, :, ::1]
MATRIX = numba.float32[:, ::1]


class NarrowKernels(NamedTuple):
    """Arguments as those of projection_numba.Kernels, but for the layout of the positions."""

    splat: Callable
    gather: Callable
    takes_planes: bool = True  # positions as (batch, 3, n), and their gradients


@numba.njit(**FAST)
def parts_of(coordinate):
    """(pixel, row of the table, fraction to the next row) of a coordinate above 0, as subpixel_of has them."""
    in_rows = coordinate * np.float32(SUBPIXELS_PER_PIXEL)
    row = int(in_rows)
    return row // SUBPIXELS_PER_PIXEL, row % SUBPIXELS_PER_PIXEL, in_rows - np.float32(row)


@numba.njit(**FAST)
def add_four(pixels, first, values):
    """Add four numbers to pixels[first : first + 4]."""
    store_four(pixels, first, load_four(pixels, first) + values)


@numba.njit(**FAST)
def between_rows(table, row, fraction, k, size):
    """Number k between two rows of a table of `size` numbers a row."""
    low = table[row * size + k]
    return low + fraction * (table[row * size + size + k] - low)


@numba.njit(**FAST)
def splat_at_the_edge(image, box, x, y, amplitude, table):
    """Add a Gaussian that may lie outside, partly or altogether."""
    if not is_near_box(x, y, np.float32(box), np.float32(FOOTPRINT)):
        return
    pixel_x, row_x, part_x = subpixel_of(x, SUBPIXELS_PER_PIXEL)
    pixel_y, row_y, part_y = subpixel_of(y, SUBPIXELS_PER_PIXEL)
    for j in range(FOOTPRINT):
        line = pixel_y - BEFORE + j
        if 0 <= line < box:
            weight = amplitude * between_rows(table, row_y, part_y, j, FOOTPRINT)
            for k in range(FOOTPRINT):
                column = pixel_x - BEFORE + k
                if 0 <= column < box:
                    image[line * box + column] += weight * between_rows(table, row_x, part_x, k, FOOTPRINT)


@numba.njit(**FAST)
def splat_image(positions, amplitudes, rotation, table, box, image):
    """Add the Gaussians of one image (box * box,) to it."""
    centre = np.float32(box // 2)
    lowest, highest = np.float32(BEFORE), np.float32(box - FOOTPRINT + BEFORE + 1)
    for i in range(positions.shape[1]):
        x, y = project_point(rotation, (positions[0, i], positions[1, i], positions[2, i]), centre)
        if not (x >= lowest and x < highest and y >= lowest and y < highest):
            splat_at_the_edge(image, box, x, y, amplitudes[i], table)
            continue
        pixel_x, row_x, part_x = parts_of(x)
        pixel_y, row_y, part_y = parts_of(y)
        low = load_four(table, row_x * FOOTPRINT)
        across = low + four_of(part_x) * (load_four(table, (row_x + 1) * FOOTPRINT) - low)
        low = load_four(table, row_y * FOOTPRINT)
        along = low + four_of(part_y) * (load_four(table, (row_y + 1) * FOOTPRINT) - low)
        along = four_of(amplitudes[i]) * along
        first = (pixel_y - BEFORE) * box + pixel_x - BEFORE
        add_four(image, first, four_of_0(along) * across)
        add_four(image, first + box, four_of_1(along) * across)
        add_four(image, first + 2 * box, four_of_2(along) * across)
        add_four(image, first + 3 * box, four_of_3(along) * across)


@numba.njit(**FAST)
def sums_at_the_edge(image, box, x, y, table):
    """Of a Gaussian that may lie outside: sums of the pixels by weights, by slopes along x and along y."""
    total, along_x, along_y = ZERO, ZERO, ZERO
    if not is_near_box(x, y, np.float32(box), np.float32(FOOTPRINT)):
        return total, along_x, along_y
    pixel_x, row_x, part_x = subpixel_of(x, SUBPIXELS_PER_PIXEL)
    pixel_y, row_y, part_y = subpixel_of(y, SUBPIXELS_PER_PIXEL)
    for j in range(FOOTPRINT):
        line = pixel_y - BEFORE + j
        if 0 <= line < box:
            weight_y = between_rows(table, row_y, part_y, j, 2 * FOOTPRINT)
            slope_y = between_rows(table, row_y, part_y, FOOTPRINT + j, 2 * FOOTPRINT)
            for k in range(FOOTPRINT):
                column = pixel_x - BEFORE + k
                if 0 <= column < box:
                    pixel = image[line * box + column]
                    weight_x = between_rows(table, row_x, part_x, k, 2 * FOOTPRINT)
                    total += weight_y * weight_x * pixel
                    along_x += (
                        weight_y * between_rows(table, row_x, part_x, FOOTPRINT + k, 2 * FOOTPRINT) * pixel
                    )
                    along_y += slope_y * weight_x * pixel
    return total, along_x, along_y


@numba.njit(**FAST)
def gather_image(positions, amplitudes, rotation, table, box, image, by_position, by_amplitude):
    """The gradients of the Gaussians of one image, from the gradients of its pixels (box * box,).

    Rows of the table are four weights and their four slopes.
    """
    centre = np.float32(box // 2)
    lowest, highest = np.float32(BEFORE), np.float32(box - FOOTPRINT + BEFORE + 1)
    for i in range(positions.shape[1]):
        x, y = project_point(rotation, (positions[0, i], positions[1, i], positions[2, i]), centre)
        if x >= lowest and x < highest and y >= lowest and y < highest:
            pixel_x, row_x, part_x = parts_of(x)
            pixel_y, row_y, part_y = parts_of(y)
            low = load_eight(table, row_x * (2 * FOOTPRINT))
            across = low + eight_of(part_x) * (load_eight(table, (row_x + 1) * (2 * FOOTPRINT)) - low)
            low = load_eight(table, row_y * (2 * FOOTPRINT))
            along = low + eight_of(part_y) * (load_eight(table, (row_y + 1) * (2 * FOOTPRINT)) - low)
            first = (pixel_y - BEFORE) * box + pixel_x - BEFORE
            sums = repeat_0(along) * twice(load_four(image, first))
            sums = sums + repeat_1(along) * twice(load_four(image, first + box))
            sums = sums + repeat_2(along) * twice(load_four(image, first + 2 * box))
            sums = sums + repeat_3(along) * twice(load_four(image, first + 3 * box))
            rows, slopes = first_half(sums), second_half(sums)  # rows weighted along y, by slopes along y
            total = total_of(first_half(across) * rows)
            along_x = total_of(second_half(across) * rows)
            along_y = total_of(first_half(across) * slopes)
        else:
            total, along_x, along_y = sums_at_the_edge(image, box, x, y, table)
        by_amplitude[i] = total
        along_x *= amplitudes[i]
        along_y *= amplitudes[i]
        for axis in range(3):
            by_position[axis, i] = rotation[0, axis] * along_x + rotation[1, axis] * along_y


def _splat(positions, amplitudes, rotations, table, box, images):
    for b in numba.prange(positions.shape[0]):
        splat_image(positions[b], amplitudes[b], rotations[b], table, box, images[b])


def _gather(positions, amplitudes, rotations, table, box, images, by_position, by_amplitude):
    for b in numba.prange(positions.shape[0]):
        gather_image(
            positions[b], amplitudes[b], rotations[b], table, box, images[b], by_position[b], by_amplitude[b]
        )


@lru_cache(maxsize=1)
def narrow_kernels() -> NarrowKernels:
    """Compiled at the first call; kept in Numba's cache for later processes."""
    given = CUBE, MATRIX, CUBE, numba.float32[::1], numba.int64, MATRIX
    compiled_splat = numba.njit(numba.void(*given), parallel=True, **FAST)(_splat)
    compiled_gather = numba.njit(numba.void(*given, CUBE, MATRIX), parallel=True, **FAST)(_gather)

    def splat(positions, amplitudes, widths, rotations, table, log_smallest, per_log_unit, images):
        flat = images.reshape(len(images), -1)
        compiled_splat(positions, amplitudes, rotations, table[0].ravel(), images.shape[1], flat)

    def gather(
        positions, amplitudes, widths, rotations, table, derivatives, log_smallest, per_log_unit,
        images, by_position, by_amplitude,
    ):  # fmt: skip
        both = np.concatenate([table[0], derivatives[0]], axis=1).ravel()
        given = positions, amplitudes, rotations, both, images.shape[1], images.reshape(len(images), -1)
        compiled_gather(*given, by_position, by_amplitude)

    return NarrowKernels(splat, gather)
