"""Rows of a CryoSPARC 3D classification that hold alignments per class only: those of the best class of each particle."""

import re
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import slots_of
from gem_plugin.notices import note

MULTI = "alignments3D_multi"  # since CryoSPARC 4.5; fields with one entry per class
ONE_SLOT_PER_CLASS = re.compile(r"alignments_class(3D)?_\d+")  # before
NEEDED = ("pose", "shift", "class_posterior")
CLASSES_SHOWN = 8


def with_best_class(
    rows: np.ndarray,  # (n,) structured
    source: Path,  # for messages
) -> (
    np.ndarray
):  # with alignments3D of the class of the highest posterior; the same rows where they have alignments3D
    """Alignments of all classes are kept beside the new ones. A note says how many particles are of which class.

    Shifts are in pixels of the psize_A of the same slot, or of blob/psize_A where it has none.
    """
    if "alignments3D" in slots_of(rows):
        return rows
    fields = _fields_per_class(rows)
    if not fields:
        return rows
    lacking = [name for name in NEEDED if name not in fields]
    if lacking:
        raise InputError(
            f"{source}: alignments of several classes without {', '.join(lacking)}, so the best class of a particle is unknown. "
            "Give the particles of one class, or of a refinement."
        )
    posteriors = fields["class_posterior"].astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(posteriors).all(axis=1))
    if len(wrong):
        raise InputError(
            f"{source}: the class posterior is not a number in {len(wrong)} of {len(rows)} rows, first in row {wrong[0]}. "
            "Remove these particles in CryoSPARC first."
        )
    best = posteriors.argmax(axis=1)
    chosen = {name: values[np.arange(len(rows)), best] for name, values in fields.items()}
    chosen["class"] = best.astype(np.uint32)
    if "psize_A" not in chosen and "blob/psize_A" in (rows.dtype.names or ()):
        chosen["psize_A"] = rows["blob/psize_A"]
    _report(best, posteriors.shape[1], source)
    return _with_slot(rows, chosen)


def _fields_per_class(rows: np.ndarray) -> dict[str, np.ndarray]:  # each (n, classes, ...)
    names = rows.dtype.names or ()
    if f"{MULTI}/class_posterior" in names:
        n_classes = _classes_first(rows[f"{MULTI}/class_posterior"], 0).shape[1]
        found = {}
        for name in (name for name in names if name.startswith(f"{MULTI}/")):
            field, values = name.removeprefix(f"{MULTI}/"), rows[name]
            n_axes = {"pose": 1, "shift": 1}.get(field, 0)
            per_class = _classes_first(values, n_axes)
            if per_class.shape[1] == 1 < n_classes:  # one value for all classes, as split
                per_class = np.repeat(per_class, n_classes, axis=1)
            if per_class.shape[1] == n_classes:
                found[field] = per_class
        return found
    slots = [slot for slot in slots_of(rows) if ONE_SLOT_PER_CLASS.fullmatch(slot)]
    slots = [slot for slot in slots if f"{slot}/pose" in names and rows.dtype[f"{slot}/pose"].shape == (3,)]
    if not slots:
        return {}
    slots.sort(key=lambda slot: int(slot.rsplit("_", 1)[1]))
    shared = [
        name.split("/", 1)[1]
        for name in names
        if name.startswith(f"{slots[0]}/")
        and all(f"{slot}/{name.split('/', 1)[1]}" in names for slot in slots)
    ]
    return {field: np.stack([rows[f"{slot}/{field}"] for slot in slots], axis=1) for field in shared}


def _classes_first(values: np.ndarray, n_axes: int) -> np.ndarray:
    """(n, classes, ...); a field of one class may have no axis for it."""
    return values if values.ndim == n_axes + 2 else values[:, None]


def _report(best: np.ndarray, n_classes: int, source: Path) -> None:
    counts = np.bincount(best, minlength=n_classes)
    shown = ", ".join(f"{count} of class {number}" for number, count in enumerate(counts[:CLASSES_SHOWN]))
    more = f" and {n_classes - CLASSES_SHOWN} more classes" if n_classes > CLASSES_SHOWN else ""
    note(
        f"{source}: alignments of {n_classes} classes and none of a refinement; pose and shift are those of the class of the "
        f"highest posterior ({shown}{more})."
    )


def _with_slot(rows: np.ndarray, fields: dict[str, np.ndarray]) -> np.ndarray:
    added = [(f"alignments3D/{name}", values.dtype, values.shape[1:]) for name, values in fields.items()]
    joined = np.empty(
        len(rows), dtype=[*((name, rows.dtype[name]) for name in rows.dtype.names or ()), *added]
    )
    for name in rows.dtype.names or ():
        joined[name] = rows[name]
    for name, values in fields.items():
        joined[f"alignments3D/{name}"] = values
    return joined
