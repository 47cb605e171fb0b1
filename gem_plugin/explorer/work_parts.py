"""The parts of the current work: their names, how the rows of a basket are packed, and which of them fit a run."""

import base64
import binascii
import re
from typing import Any, NamedTuple

import numpy as np

from gem_plugin.errors import InputError

BASKET = "basket."  # the parts that hold rows
OF_THE_MODEL = ("waypoints",)  # a path holds latents
OF_THE_SKETCH = ("states",)
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


class RunOfWork(NamedTuple):
    """What of a run the parts depend on. Fingerprints are empty where there is nothing to take them of."""

    n_particles: int
    particles: str  # fingerprint of which particles they are
    latents: str
    sketch: str


class Changes(NamedTuple):
    """Parts by name; None: removed."""

    version: int
    parts: dict[str, Any]


def part_name(name: Any) -> str:
    """A name that a part may have."""
    if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name):
        raise InputError(
            f"The name {str(name)[:80]!r} of a part of the work cannot be used; expected letters, digits, dots, - and _ (at most 60)."
        )
    return name


def rows_of_basket(packed: Any, n_particles: int) -> np.ndarray:  # (k,) int64, sorted
    """Rows as the page packs them: {"kind": "rows", ...} four bytes each, or {"kind": "bits", ...} one bit a particle, in base64."""
    try:
        content = base64.b64decode(packed["data"], validate=True)
        kind = packed["kind"]
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise InputError(f"Expected the rows of a basket as base64 ({error}).") from error
    if kind == "bits" and len(content) == -(-n_particles // 8):
        bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")
        rows = np.flatnonzero(bits)
    elif kind == "rows" and len(content) % 4 == 0:
        rows = np.unique(np.frombuffer(content, "<u4").astype(np.int64))
    else:
        raise InputError(
            f"Expected the rows of a basket of {n_particles} particles, got {len(content)} bytes of {kind!r}."
        )
    if len(rows) and rows[-1] >= n_particles:
        raise InputError(f"A basket names row {rows[-1]}; the run has {n_particles} particles.")
    return rows


def fitting(parts: dict[str, Any], made_for: RunOfWork, now: RunOfWork) -> tuple[dict[str, Any], list[str]]:
    """The parts that still mean the same in this run, and sentences on what was dropped or means less."""
    is_other_particles = (made_for.n_particles, made_for.particles) != (now.n_particles, now.particles)
    is_other_model = is_other_particles or made_for.latents != now.latents
    is_other_sketch = is_other_model or made_for.sketch != now.sketch
    kept: dict[str, Any] = {}
    dropped: list[str] = []
    for name, value in parts.items():
        if name.startswith(BASKET) and (is_other_particles or not _is_basket(value, now.n_particles)):
            dropped.append(f"basket {_shown_name(value)}")
        elif name in OF_THE_MODEL and is_other_model:
            dropped.append("waypoints and path")
        elif name in OF_THE_SKETCH and is_other_sketch:
            dropped.append("states that were clustered in the page")
        else:
            kept[name] = value
    is_trained_again = is_other_model and bool(made_for.latents)
    return kept, _sentences(dropped, is_other_particles, is_trained_again, kept)


def _sentences(
    dropped: list[str], is_other_particles: bool, is_trained_again: bool, kept: dict[str, Any]
) -> list[str]:
    reason = "its landscape was made again"
    if is_other_particles:
        reason = "its particles are others now"
    elif is_trained_again:
        reason = "it was trained again"
    found = []
    if dropped:
        found.append(f"What no longer fits the run was dropped, as {reason}: {', '.join(sorted(dropped))}.")
    if is_trained_again and any(name.startswith(BASKET) for name in kept):
        found.append(
            "The run was trained again: baskets hold the same particles as before, which may lie elsewhere now."
        )
    return found


def _is_basket(value: Any, n_particles: int) -> bool:
    try:
        rows_of_basket(value["members"], n_particles)
    except (InputError, KeyError, TypeError):
        return False
    return isinstance(value.get("name"), str)


def _shown_name(value: Any) -> str:
    return str(value.get("name", "without a name"))[:60] if isinstance(value, dict) else "without a name"
