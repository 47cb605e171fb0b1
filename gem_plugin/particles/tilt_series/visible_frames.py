"""rlnTomoVisibleFrames and the slices of a stack: which slice shows which tilt."""

import numpy as np

COMPACT, INDEXED = "compact", "indexed"  # visible tilts alone; all tilts, as WarpTools wrote until July 2026


def parse_flags(text: str) -> np.ndarray | None:  # (k,) bool; None where the text is no list of 0 and 1
    """[1,0,1] as flags."""
    inner = text.strip()
    if not (inner.startswith("[") and inner.endswith("]")):
        return None
    parts = [part.strip() for part in inner[1:-1].split(",")]
    if not all(part in ("0", "1") for part in parts):
        return None
    return np.array([part == "1" for part in parts])


def layout_of(n_slices: int, flags: np.ndarray) -> str | None:
    """COMPACT where the stack holds the visible tilts, INDEXED where it holds all of them; None where neither fits."""
    if n_slices == int(flags.sum()):
        return COMPACT
    if n_slices == len(flags):
        return INDEXED
    return None


def slices_of(
    flags: np.ndarray, is_compact: np.ndarray
) -> np.ndarray:  # (n, k) bool, (n,) bool -> (n, k) int64
    """The slice of every visible tilt of n particles; what stands at hidden tilts means nothing."""
    n_tilts = flags.shape[1]
    compact = np.cumsum(flags, axis=1) - 1
    return np.where(is_compact[:, None], compact, np.arange(n_tilts)[None, :])
