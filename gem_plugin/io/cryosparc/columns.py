"""The columns of a .cs file that are read: their form is checked once, so that nothing later trips over it.

Text is bytes in files of CryoSPARC, and str in files that other programs write with NumPy; both are taken.
"""

from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError

TEXT, WHOLE_NUMBERS, NUMBERS = "SU", "ui", "fui"  # kinds of NumPy types
WORDS = {TEXT: "text", WHOLE_NUMBERS: "whole numbers", NUMBERS: "numbers"}
FORMS: dict[str, tuple[str, tuple[int, ...]]] = {  # field -> kinds, and the shape of one value
    "blob/path": (TEXT, ()),
    "blob/idx": (WHOLE_NUMBERS, ()),
    "blob/shape": (WHOLE_NUMBERS, (2,)),
    **{
        f"ctf/{name}": (NUMBERS, ())
        for name in (
            *("accel_kv", "cs_mm", "amp_contrast", "df1_A", "df2_A", "df_angle_rad"),
            *("phase_shift_rad", "scale", "bfactor"),
        )
    },
    **{f"ctf/{name}": (NUMBERS, (2,)) for name in ("shift_A", "tilt_A", "trefoil_A")},
    "ctf/tetra_A": (NUMBERS, (4,)),
    "ctf/anisomag": (NUMBERS, (4,)),
    "ctf/exp_group_id": (WHOLE_NUMBERS, ()),
    "alignments3D/pose": (NUMBERS, (3,)),
    "alignments3D/shift": (NUMBERS, (2,)),
    "alignments3D/split": (WHOLE_NUMBERS, ()),
    **{f"alignments3D/{name}": (NUMBERS, ()) for name in ("psize_A", "alpha", "alpha_min")},
    "blob/psize_A": (NUMBERS, ()),
    "blob/sign": (NUMBERS, ()),
    "location/micrograph_path": (TEXT, ()),
    "location/micrograph_shape": (WHOLE_NUMBERS, (2,)),
    "location/center_x_frac": (NUMBERS, ()),
    "location/center_y_frac": (NUMBERS, ()),
}


def check_columns(rows: np.ndarray, source: Path) -> None:
    """Refuse columns of another form than CryoSPARC's; columns that are not read may have any."""
    for name, (kinds, shape) in FORMS.items():
        if name not in (rows.dtype.names or ()):
            continue
        found = rows.dtype[name]
        if found.base.kind not in kinds or found.shape != shape:
            expected = f"{WORDS[kinds]} of shape {shape}" if shape else f"{WORDS[kinds]}, one per row"
            raise InputError(
                f"{source}: {name} is {found.base.name} of shape {found.shape} in each row, expected {expected}. "
                "Was the file written by another program than CryoSPARC? Export the particles again."
            )


def with_uids_as_cryosparc_has_them(rows: np.ndarray, source: Path) -> np.ndarray:
    """The same bytes with the uid as unsigned 64-bit number; a float has lost its last digits and is refused."""
    if "uid" not in (rows.dtype.names or ()):
        return rows
    kind, size = rows.dtype["uid"].kind, rows.dtype["uid"].itemsize
    if kind == "u" and size == 8:
        return rows
    if kind != "i" or size != 8:
        raise InputError(
            f"{source}: uid is {rows.dtype['uid'].name}, expected uint64: other types cannot hold CryoSPARC's uids. "
            "Take the file as CryoSPARC wrote it."
        )
    names, fields = list(rows.dtype.names or ()), dict(rows.dtype.fields or {})
    unsigned = np.dtype("u8").newbyteorder(rows.dtype["uid"].byteorder)  # type: ignore[arg-type]
    layout: Any = {
        "names": names,
        "formats": [unsigned if name == "uid" else fields[name][0] for name in names],
        "offsets": [fields[name][1] for name in names],
        "itemsize": rows.dtype.itemsize,
    }
    return rows.view(np.dtype(layout))


def texts_of(column: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The different texts of a column, each once, and which of them each row has, (n,) int64."""
    unique, which = np.unique(column, return_inverse=True)
    return [text_of(value) for value in unique.tolist()], which


def text_of(value: bytes | str) -> str:
    """Text as str; bytes that are no UTF-8 come back unchanged when the text is used as the name of a file."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
