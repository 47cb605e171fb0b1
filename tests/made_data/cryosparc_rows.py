"""Made-up CryoSPARC particles for the tests: rows as a Non-uniform Refinement of version 4 leaves them."""

import numpy as np

BLOB_FIELDS = [
    ("blob/path", "S64"),
    ("blob/idx", "<u4"),
    ("blob/shape", "<u4", (2,)),
    ("blob/psize_A", "<f4"),
    ("blob/sign", "<f4"),
    ("blob/import_sig", "<u8"),
]
CTF_FIELDS = [
    ("ctf/type", "S9"),
    ("ctf/exp_group_id", "<u4"),
    *[
        (f"ctf/{name}", "<f4")
        for name in ("accel_kv", "cs_mm", "amp_contrast", "df1_A", "df2_A", "df_angle_rad")
    ],
    *[(f"ctf/{name}", "<f4") for name in ("phase_shift_rad", "scale", "scale_const")],
    *[(f"ctf/{name}", "<f4", (2,)) for name in ("shift_A", "tilt_A", "trefoil_A")],
    *[(f"ctf/{name}", "<f4", (4,)) for name in ("tetra_A", "anisomag")],
    ("ctf/bfactor", "<f4"),
]
ALIGNMENT_FIELDS = [
    ("alignments3D/split", "<u4"),
    ("alignments3D/shift", "<f4", (2,)),
    ("alignments3D/pose", "<f4", (3,)),
    ("alignments3D/psize_A", "<f4"),
    *[
        (f"alignments3D/{name}", "<f4")
        for name in ("error", "error_min", "resid_pow", "slice_pow", "image_pow")
    ],
    *[(f"alignments3D/{name}", "<f4") for name in ("cross_cor", "alpha", "alpha_min", "weight", "pose_ess")],
    *[(f"alignments3D/{name}", "<f4") for name in ("shift_ess", "class_posterior")],
    ("alignments3D/class", "<u4"),
    ("alignments3D/class_ess", "<f4"),
]
LOCATION_FIELDS = [
    ("location/micrograph_uid", "<u8"),
    ("location/exp_group_id", "<u4"),
    ("location/micrograph_path", "S64"),
    ("location/micrograph_shape", "<u4", (2,)),
    ("location/center_x_frac", "<f4"),
    ("location/center_y_frac", "<f4"),
]


def make_rows(n_particles: int, seed: int = 1, box_size: int = 32, pixel_size: float = 3.0) -> np.ndarray:
    """n joined rows with random uids, poses, shifts and CTFs; ten images a stack; no aberrations."""
    random = np.random.default_rng(seed)
    fields = [("uid", "<u8"), *BLOB_FIELDS, *CTF_FIELDS, *ALIGNMENT_FIELDS, *LOCATION_FIELDS]
    rows = np.zeros(n_particles, dtype=fields)
    counter = np.arange(n_particles)
    rows["uid"] = random.integers(
        2**63, 2**64 - 1, n_particles, dtype=np.uint64
    )  # above int64, as real ones are
    rows["blob/path"] = [
        f"J7/extract/{stack:03d}_mic_{stack}_particles.mrc".encode() for stack in counter // 10
    ]
    rows["blob/idx"] = counter % 10
    rows["blob/shape"], rows["blob/psize_A"], rows["blob/sign"] = box_size, pixel_size, -1
    rows["blob/import_sig"] = 2**63 + 7
    rows["ctf/type"], rows["ctf/exp_group_id"] = b"ctffind4", counter % 3 + 1
    rows["ctf/accel_kv"], rows["ctf/cs_mm"], rows["ctf/amp_contrast"] = 300, 2.7, 0.1
    rows["ctf/df1_A"] = random.uniform(9000, 16000, n_particles)
    rows["ctf/df2_A"] = rows["ctf/df1_A"] - random.uniform(0, 800, n_particles)
    rows["ctf/df_angle_rad"] = random.uniform(-1.5, 1.5, n_particles)
    rows["ctf/phase_shift_rad"] = random.uniform(0, 0.5, n_particles)
    rows["ctf/scale"] = 1
    rows["alignments3D/split"] = counter % 2
    rows["alignments3D/shift"] = random.normal(0, 2, (n_particles, 2))
    rows["alignments3D/pose"] = random.normal(0, 1.5, (n_particles, 3))
    rows["alignments3D/psize_A"] = pixel_size * 1.5  # refined at a coarser pixel than that of the images
    rows["alignments3D/alpha"] = random.uniform(0.8, 1.2, n_particles)
    rows["alignments3D/alpha_min"] = rows["alignments3D/alpha"]
    rows["location/micrograph_uid"] = (counter // 10).astype(np.uint64) + np.uint64(2**63)
    rows["location/micrograph_path"] = [f"J2/motion/mic_{stack}.mrc".encode() for stack in counter // 10]
    rows["location/micrograph_shape"] = (4096, 4000)  # (height, width)
    rows["location/center_x_frac"] = random.uniform(0.1, 0.9, n_particles)
    rows["location/center_y_frac"] = random.uniform(0.1, 0.9, n_particles)
    return rows


def only_fields(rows: np.ndarray, *slots: str) -> np.ndarray:
    """The uid and the fields of the given slots, as a packed array."""
    names = ["uid", *(name for name in rows.dtype.names or () if name.split("/")[0] in slots)]
    part = np.zeros(len(rows), dtype=[(name, rows.dtype[name]) for name in names])
    for name in names:
        part[name] = rows[name]
    return part


def with_fields(rows: np.ndarray, columns: dict[str, np.ndarray]) -> np.ndarray:
    """The rows with further columns at the end, or columns replaced."""
    new = [
        (name, column.dtype, column.shape[1:])
        for name, column in columns.items()
        if name not in rows.dtype.names
    ]
    longer = np.zeros(len(rows), dtype=[(name, rows.dtype[name]) for name in rows.dtype.names] + new)
    for name in rows.dtype.names:
        longer[name] = rows[name]
    for name, column in columns.items():
        longer[name] = column
    return longer
