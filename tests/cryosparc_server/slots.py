"""The minimum fields of each slot type, with exact dtypes, and which slot types each kind of data may have."""

import numpy as np

FLOAT, UINT, LONG, TEXT = "<f4", "<u4", "<u8", "O"
PARTICLE_BLOB = [("path", TEXT), ("idx", UINT), ("shape", UINT, (2,)), ("psize_A", FLOAT), ("sign", FLOAT)]
PARTICLE_BLOB += [("import_sig", LONG)]
CTF_NUMBERS = [
    "accel_kv",
    "cs_mm",
    "amp_contrast",
    "df1_A",
    "df2_A",
    "df_angle_rad",
    "phase_shift_rad",
    "scale",
]
CTF = [("type", TEXT), ("exp_group_id", UINT), *((name, FLOAT) for name in [*CTF_NUMBERS, "scale_const"])]
CTF += [(name, FLOAT, (2,)) for name in ("shift_A", "tilt_A", "trefoil_A")]
CTF += [("tetra_A", FLOAT, (4,)), ("anisomag", FLOAT, (4,)), ("bfactor", FLOAT)]
ALIGNMENT_NUMBERS = [
    "psize_A",
    "error",
    "error_min",
    "resid_pow",
    "slice_pow",
    "image_pow",
    "cross_cor",
    "alpha",
]
ALIGNMENT_NUMBERS += ["alpha_min", "weight", "pose_ess", "shift_ess", "class_posterior"]
ALIGNMENT = [("split", UINT), ("shift", FLOAT, (2,)), ("pose", FLOAT, (3,))]
ALIGNMENT += [*((name, FLOAT) for name in ALIGNMENT_NUMBERS), ("class", UINT), ("class_ess", FLOAT)]
LOCATION = [("micrograph_uid", LONG), ("exp_group_id", UINT), ("micrograph_path", TEXT)]
LOCATION += [("micrograph_shape", UINT, (2,)), ("center_x_frac", FLOAT), ("center_y_frac", FLOAT)]
SYMMETRY = [
    ("src_uid", LONG),
    ("idx", UINT),
    ("symmetry", TEXT),
    ("is_helix", UINT),
    ("helix_num_rises", UINT),
]
SYMMETRY += [("helix_twist_rad", FLOAT), ("helix_rise_A", FLOAT)]
MAP_BLOB = [("path", TEXT), ("shape", UINT, (3,)), ("psize_A", FLOAT)]

SLOT_FIELDS: dict[str, dict[str, list[tuple]]] = {
    "particle": {
        "blob": PARTICLE_BLOB,
        "ctf": CTF,
        "alignments3D": ALIGNMENT,
        "location": LOCATION,
        "components": [("component", UINT), ("value", FLOAT)],
        "sym_expand": SYMMETRY,
    },
    "volume": {"blob": MAP_BLOB},
    "mask": {"blob": MAP_BLOB},
}


def fields_of_slots(kind: str, slots: dict[str, str]) -> list[tuple]:
    """(field, dtype[, shape]) of every field that an output with these slots (name -> slot type) must have."""
    return [
        (f"{name}/{field[0]}", *field[1:])
        for name, dtype in slots.items()
        for field in SLOT_FIELDS[kind][dtype]
    ]


def field_descriptions(kind: str, slots: dict[str, str]) -> list[list[str]]:
    """The same as the API sends them: ["blob/shape", "2u4"], ["blob/path", "O"]."""
    descriptions = []
    for name, dtype, *shape in fields_of_slots(kind, slots):
        short = dtype.lstrip("<")
        descriptions.append([name, f"{shape[0][0]}{short}" if shape else short])
    return descriptions


def missing_fields(kind: str, slots: dict[str, str], rows: np.ndarray) -> set[tuple]:
    """Required fields that are absent or have another dtype."""
    missing = set()
    for name, dtype, *shape in fields_of_slots(kind, slots):
        present = rows.dtype[name] if name in rows.dtype.names else None
        has_shape = present is not None and present.shape == (shape[0] if shape else ())
        has_kind = present is not None and (
            present.base.kind == "S" if dtype == TEXT else present.base == np.dtype(dtype)
        )
        if not (has_shape and has_kind):
            missing.add((name, dtype, *shape))
    return missing
