"""Changing the amplitudes of a cloud on CPUs: one pass, images in parallel. Arrays are (batch, n) or (n,)."""

from typing import Any

import numba

FAST: Any = {"fastmath": {"contract"}, "error_model": "numpy", "cache": True}


@numba.njit(parallel=True, **FAST)
def change_logs(log_amplitudes, mobile, log_changes, limit, changed):
    """changed = log_amplitudes + log_changes * mobile, the change within the limit."""
    for b in numba.prange(log_changes.shape[0]):
        for i in range(log_changes.shape[1]):
            change = log_changes[b, i] * mobile[i]
            changed[b, i] = log_amplitudes[i] + min(max(change, -limit), limit)


@numba.njit(parallel=True, **FAST)
def change_back(by_amplitude, amplitudes, mobile, log_changes, limit, by_log, by_log_change):
    """The gradients of log_amplitudes for each image, and of log_changes."""
    for b in numba.prange(log_changes.shape[0]):
        for i in range(log_changes.shape[1]):
            change = log_changes[b, i] * mobile[i]
            by_log[b, i] = by_amplitude[b, i] * amplitudes[b, i]
            is_within = change >= -limit and change <= limit
            by_log_change[b, i] = by_log[b, i] * mobile[i] if is_within else 0
