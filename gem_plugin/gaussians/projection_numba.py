"""The projection for CPUs: one loop over the Gaussians of each image, images in parallel. Numba compiles it at first use.

Each kernel has a mirror image: `splat` adds Gaussians to pixels, `gather` takes the gradient of the pixels back.
Every coordinate is checked before it becomes an index: a NaN or an overflow must not write outside the image.
The footprint and the kind of table are constants of the compiled code, which makes the inner loops short and fast.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numba
import numpy as np

FAST: Any = {"fastmath": {"contract", "reassoc", "arcp"}, "error_model": "numpy", "cache": True}
ZERO = np.float32(0.0)


class Kernels(NamedTuple):
    splat: Callable
    gather: Callable
    gather_widths: Callable
    takes_planes: bool = False  # positions as (batch, 3, n), and their gradients


@numba.njit(**FAST)
def project_point(rotation, position, centre):
    """The pixel coordinates of a point; rotation is (3, 3), position (3,)."""
    x = rotation[0, 0] * position[0] + rotation[0, 1] * position[1] + rotation[0, 2] * position[2] + centre
    y = rotation[1, 0] * position[0] + rotation[1, 1] * position[1] + rotation[1, 2] * position[2] + centre
    return x, y


@numba.njit(**FAST)
def is_near_box(x, y, box, margin):
    """False for NaN too."""
    return x > -margin and x < box + margin and y > -margin and y < box + margin


@numba.njit(**FAST)
def subpixel_of(coordinate, n_subpixels):
    """(pixel below, row of the table, fraction to the next row) of a finite coordinate."""
    below = int(np.floor(coordinate))
    fraction = (coordinate - np.float32(below)) * np.float32(n_subpixels)
    subpixel = min(int(fraction), n_subpixels - 1)
    return below, subpixel, fraction - np.float32(subpixel)


@numba.njit(**FAST)
def level_of_width(width, log_smallest, per_log_unit, n_levels):
    """(level of the table, fraction to the next level); widths beyond the table take its ends."""
    position = (np.log(width) - log_smallest) * per_log_unit
    if not position > ZERO:
        return 0, ZERO
    if position >= np.float32(n_levels - 1):
        return n_levels - 2, np.float32(1.0)
    level = int(position)
    return level, position - np.float32(level)


@numba.njit(**FAST)
def fill_weights(weights, table, subpixel, fraction):
    """Linear between two rows of a (n_subpixels + 1, footprint) table."""
    for k in range(weights.shape[0]):
        weights[k] = table[subpixel, k] + fraction * (table[subpixel + 1, k] - table[subpixel, k])


@numba.njit(**FAST)
def fill_weights_between(weights, steps, table, level, level_fraction, subpixel, fraction):
    """Linear between two levels too; `steps` receives the difference of the two levels."""
    for k in range(weights.shape[0]):
        lower = table[level, subpixel, k] + fraction * (
            table[level, subpixel + 1, k] - table[level, subpixel, k]
        )
        upper = table[level + 1, subpixel, k] + fraction * (
            table[level + 1, subpixel + 1, k] - table[level + 1, subpixel, k]
        )
        steps[k] = upper - lower
        weights[k] = lower + level_fraction * (upper - lower)


@numba.njit(**FAST)
def fill_axis(weights, steps, coordinate, width, table, log_smallest, per_log_unit):
    """The weights of one Gaussian along one axis, from either kind of table; gives the pixel of the first weight."""
    below, subpixel, fraction = subpixel_of(coordinate, table.shape[1] - 1)
    if per_log_unit > ZERO:  # a table of many widths
        level, part = level_of_width(width, log_smallest, per_log_unit, table.shape[0])
        fill_weights_between(weights, steps, table, level, part, subpixel, fraction)
    else:
        fill_weights(weights, table[0], subpixel, fraction)
    return below - (weights.shape[0] // 2 - 1)


@lru_cache(maxsize=32)
def make_kernels(footprint: int, has_many_widths: bool) -> Kernels:  # noqa: C901 (three small loops)
    """Kernels for one footprint (pixels along an axis) and one kind of table.

    Arrays, all float32 and in pixels: positions (batch, n, 3), amplitudes (batch, n), widths (1 or batch, n), rotations
    (batch, 3, 3), table and derivatives (n_widths, n_subpixels + 1, footprint), images (batch, box, box) changed in place.
    """
    before = footprint // 2 - 1

    @numba.njit(parallel=True, **FAST)
    def splat(positions, amplitudes, widths, rotations, table, log_smallest, per_log_unit, images):
        box = images.shape[1]
        n_subpixels = table.shape[1] - 1
        for b in numba.prange(positions.shape[0]):
            weights_x, weights_y = np.empty(footprint, np.float32), np.empty(footprint, np.float32)
            steps = np.empty(footprint, np.float32)
            for i in range(positions.shape[1]):
                x, y = project_point(rotations[b], positions[b, i], np.float32(box // 2))
                if not is_near_box(x, y, box, footprint):
                    continue
                below_x, subpixel_x, fraction_x = subpixel_of(x, n_subpixels)
                below_y, subpixel_y, fraction_y = subpixel_of(y, n_subpixels)
                if has_many_widths:
                    width = widths[b % widths.shape[0], i]
                    level, part = level_of_width(width, log_smallest, per_log_unit, table.shape[0])
                    fill_weights_between(weights_x, steps, table, level, part, subpixel_x, fraction_x)
                    fill_weights_between(weights_y, steps, table, level, part, subpixel_y, fraction_y)
                else:
                    fill_weights(weights_x, table[0], subpixel_x, fraction_x)
                    fill_weights(weights_y, table[0], subpixel_y, fraction_y)
                first_x, first_y = below_x - before, below_y - before
                amplitude = amplitudes[b, i]
                if (
                    first_x >= 0
                    and first_y >= 0
                    and first_x + footprint <= box
                    and first_y + footprint <= box
                ):
                    for j in range(footprint):
                        weight = amplitude * weights_y[j]
                        for k in range(footprint):
                            images[b, first_y + j, first_x + k] += weight * weights_x[k]
                else:
                    for j in range(max(0, -first_y), min(footprint, box - first_y)):
                        for k in range(max(0, -first_x), min(footprint, box - first_x)):
                            images[b, first_y + j, first_x + k] += amplitude * weights_y[j] * weights_x[k]

    @numba.njit(parallel=True, **FAST)
    def gather(positions, amplitudes, widths, rotations, table, derivatives, log_smallest, per_log_unit, gradients, position_gradients, amplitude_gradients):  # fmt: skip
        box = gradients.shape[1]
        n_subpixels = table.shape[1] - 1
        for b in numba.prange(positions.shape[0]):
            rotation = rotations[b]
            weights_x, weights_y = np.empty(footprint, np.float32), np.empty(footprint, np.float32)
            slopes_x, slopes_y = np.empty(footprint, np.float32), np.empty(footprint, np.float32)
            steps = np.empty(footprint, np.float32)
            for i in range(positions.shape[1]):
                total, along_x, along_y = ZERO, ZERO, ZERO
                x, y = project_point(rotation, positions[b, i], np.float32(box // 2))
                if is_near_box(x, y, box, footprint):
                    below_x, subpixel_x, fraction_x = subpixel_of(x, n_subpixels)
                    below_y, subpixel_y, fraction_y = subpixel_of(y, n_subpixels)
                    if has_many_widths:
                        width = widths[b % widths.shape[0], i]
                        level, part = level_of_width(width, log_smallest, per_log_unit, table.shape[0])
                        fill_weights_between(weights_x, steps, table, level, part, subpixel_x, fraction_x)
                        fill_weights_between(weights_y, steps, table, level, part, subpixel_y, fraction_y)
                        fill_weights_between(
                            slopes_x, steps, derivatives, level, part, subpixel_x, fraction_x
                        )
                        fill_weights_between(
                            slopes_y, steps, derivatives, level, part, subpixel_y, fraction_y
                        )
                    else:
                        fill_weights(weights_x, table[0], subpixel_x, fraction_x)
                        fill_weights(weights_y, table[0], subpixel_y, fraction_y)
                        fill_weights(slopes_x, derivatives[0], subpixel_x, fraction_x)
                        fill_weights(slopes_y, derivatives[0], subpixel_y, fraction_y)
                    first_x, first_y = below_x - before, below_y - before
                    if (
                        first_x >= 0
                        and first_y >= 0
                        and first_x + footprint <= box
                        and first_y + footprint <= box
                    ):
                        for j in range(footprint):
                            row_weight, row_slope = ZERO, ZERO
                            for k in range(footprint):
                                gradient = gradients[b, first_y + j, first_x + k]
                                row_weight += weights_x[k] * gradient
                                row_slope += slopes_x[k] * gradient
                            total += weights_y[j] * row_weight
                            along_x += weights_y[j] * row_slope
                            along_y += slopes_y[j] * row_weight
                    else:
                        for j in range(max(0, -first_y), min(footprint, box - first_y)):
                            for k in range(max(0, -first_x), min(footprint, box - first_x)):
                                gradient = gradients[b, first_y + j, first_x + k]
                                total += weights_y[j] * weights_x[k] * gradient
                                along_x += weights_y[j] * slopes_x[k] * gradient
                                along_y += slopes_y[j] * weights_x[k] * gradient
                amplitude_gradients[b, i] = total
                along_x *= amplitudes[b, i]
                along_y *= amplitudes[b, i]
                for axis in range(3):
                    position_gradients[b, i, axis] = rotation[0, axis] * along_x + rotation[1, axis] * along_y

    @numba.njit(parallel=True, **FAST)
    def gather_widths(positions, amplitudes, widths, rotations, table, log_smallest, per_log_unit, gradients, width_gradients):  # fmt: skip
        """d weight / d width from the step between two levels; d level / d width = per_log_unit / width."""
        box = gradients.shape[1]
        n_subpixels = table.shape[1] - 1
        for b in numba.prange(positions.shape[0]):
            weights_x, weights_y = np.empty(footprint, np.float32), np.empty(footprint, np.float32)
            steps_x, steps_y = np.empty(footprint, np.float32), np.empty(footprint, np.float32)
            for i in range(positions.shape[1]):
                width_gradients[b, i] = ZERO
                x, y = project_point(rotations[b], positions[b, i], np.float32(box // 2))
                if not is_near_box(x, y, box, footprint):
                    continue
                below_x, subpixel_x, fraction_x = subpixel_of(x, n_subpixels)
                below_y, subpixel_y, fraction_y = subpixel_of(y, n_subpixels)
                width = widths[b % widths.shape[0], i]
                level, part = level_of_width(width, log_smallest, per_log_unit, table.shape[0])
                fill_weights_between(weights_x, steps_x, table, level, part, subpixel_x, fraction_x)
                fill_weights_between(weights_y, steps_y, table, level, part, subpixel_y, fraction_y)
                first_x, first_y = below_x - before, below_y - before
                total = ZERO
                for j in range(max(0, -first_y), min(footprint, box - first_y)):
                    for k in range(max(0, -first_x), min(footprint, box - first_x)):
                        gradient = gradients[b, first_y + j, first_x + k]
                        total += (steps_y[j] * weights_x[k] + weights_y[j] * steps_x[k]) * gradient
                width_gradients[b, i] = amplitudes[b, i] * total * per_log_unit / width

    return Kernels(splat, gather, gather_widths)
