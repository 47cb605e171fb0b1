"""Moving a cloud on CPUs: one pass, images in parallel. Planes are (batch, 3, n), everything else (batch, n, 3), (batch, n) or (n,)."""

from typing import Any

import numba

FAST: Any = {"fastmath": {"contract"}, "error_model": "numpy", "cache": True}


@numba.njit(parallel=True, **FAST)
def move(positions, log_amplitudes, mobile, planes, log_changes, limit, moved, moved_logs):
    """moved = positions + planes * mobile; moved_logs = log_amplitudes + log_changes * mobile, the change within the limit."""
    for b in numba.prange(planes.shape[0]):
        for i in range(positions.shape[0]):
            for axis in range(3):
                moved[b, i, axis] = positions[i, axis] + planes[b, axis, i] * mobile[i]
        for i in range(positions.shape[0]):
            change = log_changes[b, i] * mobile[i]
            moved_logs[b, i] = log_amplitudes[i] + min(max(change, -limit), limit)


@numba.njit(parallel=True, **FAST)
def move_back(
    by_position, by_amplitude, amplitudes, mobile, log_changes, limit, by_plane, by_log, by_log_change
):
    """The gradients of planes, of log_amplitudes for each image, and of log_changes."""
    for b in numba.prange(by_position.shape[0]):
        for i in range(by_position.shape[1]):
            for axis in range(3):
                by_plane[b, axis, i] = by_position[b, i, axis] * mobile[i]
        for i in range(by_position.shape[1]):
            change = log_changes[b, i] * mobile[i]
            by_log[b, i] = by_amplitude[b, i] * amplitudes[b, i]
            is_within = change >= -limit and change <= limit
            by_log_change[b, i] = by_log[b, i] * mobile[i] if is_within else 0
