"""What CryoSPARC rows must be before they are translated: complete, finite, of one box and one pixel size."""

from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.columns import FORMS, NUMBERS, check_columns
from gem_plugin.io.cryosparc.files import require_fields, slots_of
from gem_plugin.io.cryosparc.jobs import check_unique_uids

BLOB_FIELDS = ("blob/path", "blob/idx", "blob/shape", "blob/psize_A")
CTF_FIELDS = (
    "ctf/accel_kv",
    "ctf/cs_mm",
    "ctf/amp_contrast",
    "ctf/df1_A",
    "ctf/df2_A",
    "ctf/df_angle_rad",
)
POSE_FIELDS = ("alignments3D/pose", "alignments3D/shift", "alignments3D/psize_A")
POSITIVE_FIELDS = ("blob/psize_A", "alignments3D/psize_A", "ctf/accel_kv")
RELATIVE_PIXEL_SIZE_TOLERANCE = 1e-4  # float32 rounding and nothing else
HALF_SETS = (0, 1)


def check_refined_rows(rows: np.ndarray, source: Path) -> None:
    """Refuse rows from which no images can be described: without poses, CTF or paths, or with values that are none."""
    if "alignments3D" not in slots_of(rows):
        raise InputError(
            f"{source}: the particles have no 3D alignments (alignments3D); slots found: {', '.join(slots_of(rows)) or 'none'}. "
            "Take them from a homogeneous, non-uniform or local refinement, not from extraction or 2D classification."
        )
    check_image_rows(rows, source)
    require_fields(rows, list(POSE_FIELDS), source)
    check_alignments(rows, source)


def check_alignments(rows: np.ndarray, source: Path) -> None:
    """Sizes that are none, half-sets and signs of images that are neither of two: as far as the rows have the fields."""
    for name in POSITIVE_FIELDS:
        if name in (rows.dtype.names or ()):
            _check_positive(rows, name, source)
    _check_half_sets(rows, source)
    _check_signs(rows, source)


def check_image_rows(rows: np.ndarray, source: Path) -> None:
    """The part that particles without poses must meet too: uids, paths and CTF, all numbers finite."""
    require_fields(rows, ["uid", *BLOB_FIELDS, *CTF_FIELDS], source)
    check_columns(rows, source)
    if len(rows) == 0:
        raise InputError(f"{source}: holds no particles. Was the selection empty?")
    check_unique_uids(rows["uid"], source)
    without_path = np.flatnonzero(np.char.str_len(rows["blob/path"]) == 0)
    if len(without_path):
        raise InputError(
            f"{source}: blob/path is empty in row {without_path[0]}. Export the particles again."
        )
    for name in _numbers_in_use(rows.dtype.names or ()):
        _check_finite(rows, name, source)


def _numbers_in_use(present: tuple[str, ...]) -> list[str]:
    """Columns whose values decide about images; alpha counts only beside alpha_min (see scale_factors)."""
    unused = set() if "alignments3D/alpha_min" in present else {"alignments3D/alpha"}
    return [
        name
        for name, (kinds, _) in FORMS.items()
        if kinds == NUMBERS and name in present and not name.startswith("location/") and name not in unused
    ]


def one_box_and_pixel_size(rows: np.ndarray, source: Path) -> tuple[int, float]:
    """The box in pixels and the pixel size in Angstrom that all rows share."""
    shapes = np.unique(rows["blob/shape"], axis=0)
    if len(shapes) > 1 or shapes[0, 0] != shapes[0, 1] or shapes[0, 0] == 0:
        found = ", ".join(f"{height} x {width}" for height, width in shapes[:4])
        raise InputError(
            f"{source}: expected square images of one box size, found {found} pixels. "
            "Run Downsample Particles or re-extract with one box size."
        )
    sizes = rows["blob/psize_A"].astype(np.float64)
    if sizes.max() - sizes.min() > RELATIVE_PIXEL_SIZE_TOLERANCE * sizes.max():
        raise InputError(
            f"{source}: expected one pixel size, found {sizes.min():.4f} to {sizes.max():.4f} A. "
            "Run Downsample Particles to one pixel size, or treat the sets apart."
        )
    return int(shapes[0, 0]), float(np.median(sizes))


def _check_finite(rows: np.ndarray, name: str, source: Path) -> None:
    bad = np.flatnonzero(~np.isfinite(rows[name].reshape(len(rows), -1)).all(axis=1))
    if len(bad):
        raise InputError(
            f"{source}: {name} is not a number in {len(bad)} of {len(rows)} rows, first in row {bad[0]} "
            f"(uid {rows['uid'][bad[0]]}). Remove these particles in CryoSPARC first."
        )


def _check_positive(rows: np.ndarray, name: str, source: Path) -> None:
    bad = np.flatnonzero(rows[name] <= 0)
    if len(bad):
        raise InputError(
            f"{source}: {name} is {rows[name][bad[0]]:g} in {len(bad)} of {len(rows)} rows, first in row {bad[0]}; "
            "expected more than 0. Were the particles imported without their CTF or pixel size?"
        )


def _check_half_sets(rows: np.ndarray, source: Path) -> None:
    if "alignments3D/split" not in (rows.dtype.names or ()):
        return
    found = np.unique(rows["alignments3D/split"])
    if not np.isin(found, HALF_SETS).all():
        shown = ", ".join(map(str, found[:5].tolist()))
        raise InputError(
            f"{source}: alignments3D/split has the values {shown}; expected the half sets 0 and 1. "
            "Refine the particles again, so that CryoSPARC splits them."
        )


def _check_signs(rows: np.ndarray, source: Path) -> None:
    """blob/sign, with which images are multiplied to have positive density."""
    if "blob/sign" not in (rows.dtype.names or ()):
        return
    wrong = np.flatnonzero(np.abs(rows["blob/sign"]) != 1)
    if len(wrong):
        raise InputError(
            f"{source}: blob/sign is {rows['blob/sign'][wrong[0]]} in row {wrong[0]}; expected 1 or -1. "
            "Import or extract these particles again."
        )
