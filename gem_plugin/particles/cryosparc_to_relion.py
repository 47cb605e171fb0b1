"""CryoSPARC rows as the two tables of a RELION 3.1 star file. What RELION cannot say exactly is named, never guessed."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.columns import texts_of
from gem_plugin.notices import warn
from gem_plugin.particles.cryosparc_checks import check_alignments, check_image_rows
from gem_plugin.particles.cryosparc_optics import WIDTHS
from gem_plugin.particles.cryosparc_optics_to_relion import RelionOptics, optics_for_relion
from gem_plugin.particles.from_cryosparc import scale_factors, stack_names
from gem_plugin.particles.helical_columns import FILAMENT_ANGLE, FILAMENT_UID, POSITION, helical_columns

UID_COLUMN = "gemCryosparcUid"  # RELION keeps columns that it does not know
CARRIED_OVER = (  # or said by a message of its own, as blob/sign
    *("uid", "blob/path", "blob/idx", "blob/shape", "blob/psize_A", "blob/sign"),
    *(f"ctf/{name}" for name in ("exp_group_id", "accel_kv", "cs_mm", "amp_contrast", "scale", "bfactor")),
    *(f"ctf/{name}" for name in ("df1_A", "df2_A", "df_angle_rad", "phase_shift_rad")),
    *WIDTHS,  # of cryosparc_optics
    *(
        f"location/{name}"
        for name in ("micrograph_path", "micrograph_shape", "center_x_frac", "center_y_frac")
    ),
    *(f"alignments3D/{name}" for name in ("pose", "shift", "psize_A", "split")),
)
COLUMNS_OF_FILAMENTS = {
    FILAMENT_UID: "rlnHelicalTubeID",
    POSITION: "rlnHelicalTrackLengthAngst",
    FILAMENT_ANGLE: "rlnAnglePsiPrior",
}
OPTICS_COLUMNS = ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnImagePixelSize")


def relion_tables(
    rows: np.ndarray,  # (n,) structured
    source: Path,  # for messages
    is_strict: bool = False,  # refuse what is converted in a reading that CryoSPARC does not document
) -> dict[str, pd.DataFrame]:  # "optics" and "particles", in the row order given
    """Optics groups, poses, origins, CTF, half sets and micrograph coordinates, as far as the rows have them."""
    check_image_rows(rows, source)
    check_alignments(rows, source)
    _check_texts(rows, source)
    optics, group_of_row = _optics_table(rows, optics_for_relion(rows, source, is_strict))
    columns: dict[str, np.ndarray] = {"rlnImageName": _image_names(rows)}
    columns |= _micrograph_columns(rows)
    columns |= _ctf_columns(rows)
    columns |= _alignment_columns(rows) | _half_set_column(rows, source)
    columns |= helical_columns(rows, columns.get("rlnAnglePsi"))
    columns |= {"rlnOpticsGroup": group_of_row, UID_COLUMN: rows["uid"]}
    return {"optics": optics, "particles": pd.DataFrame(columns)}


def not_carried_over(rows: np.ndarray, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Names of the fields that the star file does not hold; a slot of which nothing is held counts as one: alignments2D."""
    names = rows.dtype.names or ()
    carried = {*CARRIED_OVER}
    carried |= {name for name, column in COLUMNS_OF_FILAMENTS.items() if column in tables["particles"]}
    if "alignments3D/alpha_min" in names:  # alpha counts only beside it: see scale_factors
        carried.add("alignments3D/alpha")
    held_slots = {name.split("/")[0] for name in names if name in carried}
    dropped = [name for name in names if name not in carried]
    return list(
        dict.fromkeys(name if name.split("/")[0] in held_slots else name.split("/")[0] for name in dropped)
    )


def _check_texts(rows: np.ndarray, source: Path) -> None:
    for name in ("blob/path", "location/micrograph_path"):
        texts = texts_of(rows[name])[0] if name in (rows.dtype.names or ()) else []
        wrong = [text for text in texts if not text.isprintable()]
        if wrong:
            raise InputError(
                f"{source}: {name} has the value {wrong[0]!r}, which a star file cannot hold. "
                "Rename the file, or link to it under another name."
            )


def _optics_table(rows: np.ndarray, optics_of_rows: RelionOptics) -> tuple[pd.DataFrame, np.ndarray]:
    """One group for each exposure group and different optics in it; and the group (from 1) of each row."""
    tilt = optics_of_rows.tilt_in_milliradians
    has_group = "ctf/exp_group_id" in (rows.dtype.names or ())
    exposure_groups = rows["ctf/exp_group_id"] if has_group else np.ones(len(rows), dtype=np.int64)
    keys = np.column_stack(
        [
            exposure_groups,
            *(
                _short(rows[name])
                for name in ("ctf/accel_kv", "ctf/cs_mm", "ctf/amp_contrast", "blob/psize_A")
            ),
            rows["blob/shape"][:, 1],
            tilt,
            optics_of_rows.kinds,
        ]
    )
    groups, group_of_row = np.unique(keys, axis=0, return_inverse=True)
    numbers = np.arange(1, len(groups) + 1)
    optics = pd.DataFrame({"rlnOpticsGroup": numbers, "rlnOpticsGroupName": _group_names(groups[:, 0])})
    for column, name in enumerate(OPTICS_COLUMNS, start=1):
        optics[name] = groups[:, column]
    optics["rlnImageSize"] = groups[:, 5].astype(np.int64)
    optics["rlnImageDimensionality"] = 2
    if tilt.any():
        optics["rlnBeamTiltX"], optics["rlnBeamTiltY"] = groups[:, 6], groups[:, 7]
    for name, values in optics_of_rows.columns.items():
        optics[name] = values[groups[:, 8].astype(np.int64)]
    return optics, numbers[group_of_row.reshape(-1)]


def _group_names(exposure_groups: np.ndarray) -> list[str]:
    """opticsGroup7 for exposure group 7; with a letter count where one exposure group has several optics."""
    seen: dict[int, int] = {}
    names = []
    for number in exposure_groups.astype(np.int64).tolist():
        seen[number] = seen.get(number, 0) + 1
        names.append(f"opticsGroup{number}" + (f"_{seen[number]}" if seen[number] > 1 else ""))
    return names


def _short(values: np.ndarray) -> np.ndarray:
    """float32 values as the float64 with the same short decimal text: 2.7 rather than 2.7000000477."""
    unique, which = np.unique(values, return_inverse=True)
    return np.array([float(str(value)) for value in unique], dtype=np.float64)[which]


def _image_names(rows: np.ndarray) -> np.ndarray:  # (n,) object array of str: 000001@path
    stacks = stack_names(rows).tolist()
    return np.array(
        [f"{index + 1:06d}@{stack}" for index, stack in zip(rows["blob/idx"].tolist(), stacks)], dtype=object
    )


def _micrograph_columns(rows: np.ndarray) -> dict[str, np.ndarray]:
    present = rows.dtype.names or ()
    columns: dict[str, np.ndarray] = {}
    if "location/micrograph_path" in present:
        paths, which = texts_of(rows["location/micrograph_path"])
        columns["rlnMicrographName"] = np.array([path.removeprefix(">") for path in paths], dtype=object)[
            which
        ]
    if {"location/center_x_frac", "location/center_y_frac", "location/micrograph_shape"} <= set(present):
        height, width = rows["location/micrograph_shape"].astype(np.float64).T
        columns["rlnCoordinateX"] = rows["location/center_x_frac"] * width
        columns["rlnCoordinateY"] = rows["location/center_y_frac"] * height
    return columns


def _ctf_columns(rows: np.ndarray) -> dict[str, np.ndarray]:
    present = rows.dtype.names or ()
    columns = {
        "rlnDefocusU": rows["ctf/df1_A"],
        "rlnDefocusV": rows["ctf/df2_A"],
        "rlnDefocusAngle": np.rad2deg(rows["ctf/df_angle_rad"].astype(np.float64)),
    }
    if "ctf/phase_shift_rad" in present:
        columns["rlnPhaseShift"] = np.rad2deg(rows["ctf/phase_shift_rad"].astype(np.float64))
    if "ctf/bfactor" in present:
        columns["rlnCtfBfactor"] = rows["ctf/bfactor"]
    columns["rlnCtfScalefactor"] = scale_factors(rows)
    return columns


def _alignment_columns(rows: np.ndarray) -> dict[str, np.ndarray]:
    present = rows.dtype.names or ()
    columns: dict[str, np.ndarray] = {}
    if {"alignments3D/pose", "alignments3D/shift", "alignments3D/psize_A"} <= set(present):
        angles = angles_from_poses(rows["alignments3D/pose"])
        columns |= {
            name: angles[:, i] for i, name in enumerate(("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"))
        }
        origins = rows["alignments3D/shift"].astype(np.float64) * rows["alignments3D/psize_A"][:, None]
        columns |= {"rlnOriginXAngst": origins[:, 0], "rlnOriginYAngst": origins[:, 1]}
    return columns


def _half_set_column(rows: np.ndarray, source: Path) -> dict[str, np.ndarray]:
    """rlnRandomSubset where both half-sets occur: RELION's auto-refine ends with an error where one of them is empty."""
    if "alignments3D/split" not in (rows.dtype.names or ()):
        return {}
    half_sets = rows["alignments3D/split"] + 1
    if len(np.unique(half_sets)) > 1:
        return {"rlnRandomSubset": half_sets}
    warn(
        f"{source}: alignments3D/split is {half_sets[0] - 1} in all {len(rows)} particles, which is no division into "
        "half-sets; rlnRandomSubset is left out, and RELION's Refine3D divides the particles by itself."
    )
    return {}


def angles_from_poses(
    poses: np.ndarray,
) -> np.ndarray:  # (n, 3) rotation vectors -> (n, 3) rot, tilt, psi in degrees
    """Rotation vectors as RELION's angles; where tilt is 0 or 180, rot and psi are one rotation and psi takes 0."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Gimbal lock")
        return Rotation.from_rotvec(poses.astype(np.float64)).as_euler("ZYZ", degrees=True)
