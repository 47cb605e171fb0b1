"""Files of .cs form that CryoSPARC did not write that way, or wrote long ago: read exactly, or refused in one sentence."""

import contextlib
import warnings
from pathlib import Path

import numpy as np
import pytest
from cryosparc_rows import make_rows, only_fields, with_fields

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import read_cs_rows, read_csg, write_cs_rows
from gem_plugin.io.cryosparc.groups import latent_fields, write_particle_group
from gem_plugin.io.cryosparc.jobs import read_cryosparc
from gem_plugin.notices import GemNote
from gem_plugin.particles.from_cryosparc import read_cryosparc_particles
from gem_plugin.progress import Progress
from gem_plugin.steps.convert.settings import ConvertSettings
from gem_plugin.steps.convert.step import run_convert

OPTIONAL = [
    *("blob/sign", "blob/import_sig", "alignments3D/split", "alignments3D/alpha", "alignments3D/alpha_min"),
    *("ctf/exp_group_id", "ctf/phase_shift_rad", "ctf/bfactor", "ctf/scale", "ctf/shift_A", "ctf/tilt_A"),
    *(
        "ctf/trefoil_A",
        "ctf/tetra_A",
        "ctf/anisomag",
        "location/micrograph_path",
        "location/micrograph_shape",
    ),
]
NEEDED = ["uid", "blob/path", "blob/idx", "blob/shape", "blob/psize_A", "ctf/df1_A", "alignments3D/psize_A"]


def with_types(rows: np.ndarray, **types) -> np.ndarray:
    """The rows with columns of other types; values that do not fit wrap, as a careless program lets them."""
    other = np.zeros(
        len(rows), dtype=[(name, types.get(name, rows.dtype[name])) for name in rows.dtype.names]
    )
    for name in rows.dtype.names:
        other[name] = rows[name].astype(other.dtype[name].base)
    return other


def without(rows: np.ndarray, *names: str) -> np.ndarray:
    kept = [name for name in rows.dtype.names if name not in names]
    fewer = np.zeros(len(rows), dtype=[(name, rows.dtype[name]) for name in kept])
    for name in kept:
        fewer[name] = rows[name]
    return fewer


def with_text_as_str(rows: np.ndarray) -> np.ndarray:
    types = {name: "U90" for name in rows.dtype.names if rows.dtype[name].kind == "S"}
    return with_types(rows, **types)


def read(folder: Path, rows: np.ndarray):
    write_cs_rows(folder / "J42" / "J42_001_particles.cs", rows)
    return read_cryosparc_particles(folder / "J42")


def assert_survives_every_way(folder: Path, rows: np.ndarray) -> None:
    """As a table, as a group with latents, and as a star file that comes back: no byte of the rows is lost."""
    assert len(read(folder, rows)) == len(rows)
    particles, source = read_cryosparc(folder / "J42"), folder / "J42" / "J42_001_particles.cs"
    latents = np.ones((len(rows), 2), dtype=np.float32)
    write_particle_group(
        folder / "group.cs", particles, np.array([1, 0]), "t", "d", latent_fields(latents[[1, 0]])
    )
    group = read_cs_rows(folder / "group.cs")
    for name in rows.dtype.names:
        assert group[name].tobytes() == rows[[1, 0]][name].tobytes(), name
    run_convert(ConvertSettings(source, folder / "a.star", stacks="name"), Progress())
    run_convert(ConvertSettings(folder / "a.star", folder / "back.cs", source), Progress())
    assert read_cs_rows(folder / "back.cs").tobytes() == rows.tobytes()


def test_text_as_str_is_read_like_bytes(tmp_path: Path):
    rows = make_rows(12)
    assert_survives_every_way(tmp_path, with_text_as_str(rows))
    assert (
        read(tmp_path, with_text_as_str(rows)).stack_names.tolist()
        == read(tmp_path, rows).stack_names.tolist()
    )


def test_the_other_byte_order_is_read(tmp_path: Path):
    rows = make_rows(12)
    swapped = rows.astype(rows.dtype.newbyteorder(">"))
    assert_survives_every_way(tmp_path, swapped)
    np.testing.assert_array_equal(
        read(tmp_path, swapped).rotation_matrices, read(tmp_path, rows).rotation_matrices
    )


def test_signed_uids_are_the_same_bits_unsigned(tmp_path: Path):
    rows = make_rows(12)
    signed = with_types(rows, uid="i8")
    assert (signed["uid"] < 0).any()
    assert read(tmp_path, signed).image_names.tolist() == [str(uid) for uid in rows["uid"].tolist()]
    assert read_cs_rows(tmp_path / "J42" / "J42_001_particles.cs").tobytes() == rows.tobytes()


def test_double_precision_is_read(tmp_path: Path):
    rows = make_rows(12)
    doubled = with_types(rows, **{"ctf/df1_A": "f8", "alignments3D/pose": ("f8", (3,)), "blob/idx": "i8"})
    assert_survives_every_way(tmp_path, doubled)


@pytest.mark.parametrize("name", OPTIONAL)
def test_file_without_an_optional_field_is_read(tmp_path: Path, name: str):
    assert_survives_every_way(tmp_path, without(make_rows(12), name))


def test_oldest_files_have_none_of_the_optional_fields(tmp_path: Path):
    table = read(tmp_path, without(make_rows(12), *OPTIONAL))
    assert set(table.contrast_sign.tolist()) == {-1.0}
    assert set(table.scale_factor.tolist()) == {1.0}
    assert set(table.half_sets.tolist()) == {0}
    assert set(table.phase_shift_in_degrees.tolist()) == {0.0}
    assert_survives_every_way(tmp_path, without(make_rows(12), *OPTIONAL))


@pytest.mark.parametrize("name", NEEDED)
def test_file_without_a_needed_field_is_refused_by_name(tmp_path: Path, name: str):
    with pytest.raises(InputError, match=f"lacks {name}"):
        read(tmp_path, without(make_rows(12), name))


def test_fields_that_are_not_known_are_carried_along(tmp_path: Path):
    further = {
        "alignments_class3D_0/pose": np.random.default_rng(1).normal(size=(12, 3)).astype(np.float32),
        "pick_stats/ncc_score": np.arange(12, dtype=np.float32),
        "new_slot/tensor": np.arange(12 * 24, dtype=np.float64).reshape(12, 3, 2, 4),
        "no_slot": np.array([b"text"] * 12),
    }
    assert_survives_every_way(tmp_path, with_fields(make_rows(12), further))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"uid": "f8"}, "uid is float64, expected uint64"),
        ({"uid": "u4"}, "uid is uint32, expected uint64"),
        (
            {"blob/idx": "f4"},
            r"blob/idx is float32 of shape \(\) in each row, expected whole numbers, one per row",
        ),
        ({"blob/path": "f4"}, "blob/path is float32"),
    ],
)
def test_column_of_another_type_is_refused(tmp_path: Path, columns: dict, message: str):
    rows = make_rows(12)
    other = np.zeros(12, dtype=[(name, columns.get(name, rows.dtype[name])) for name in rows.dtype.names])
    for name in rows.dtype.names:
        if not (name == "blob/path" and name in columns):
            other[name] = rows[name]
    with pytest.raises(InputError, match=message):
        read(tmp_path, other)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        (
            "alignments3D/pose",
            (),
            r"alignments3D/pose is float32 of shape \(\) in each row, expected numbers of shape \(3,\)",
        ),
        ("alignments3D/pose", (3, 3), r"alignments3D/pose is float32 of shape \(3, 3\)"),
        ("alignments3D/shift", (3,), r"alignments3D/shift is float32 of shape \(3,\)"),
        (
            "blob/shape",
            (),
            r"blob/shape is uint32 of shape \(\) in each row, expected whole numbers of shape \(2,\)",
        ),
    ],
)
def test_column_of_another_shape_is_refused(tmp_path: Path, name: str, shape: tuple, message: str):
    rows = make_rows(12)
    column = np.ones((12, *shape), dtype=rows.dtype[name].base)
    with pytest.raises(InputError, match=message):
        read(tmp_path, with_fields(without(rows, name), {name: column}))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "alignments3D/split",
            7,
            "alignments3D/split has the values 0, 1, 7; expected the half sets 0 and 1",
        ),
        (
            "alignments3D/psize_A",
            0,
            r"alignments3D/psize_A is 0 in 1 of 12 rows, first in row 5; expected more than 0",
        ),
        ("ctf/accel_kv", 0, r"ctf/accel_kv is 0 in 1 of 12 rows"),
        ("blob/path", b"", "blob/path is empty in row 5"),
        ("ctf/phase_shift_rad", np.nan, "ctf/phase_shift_rad is not a number in 1 of 12 rows"),
        ("alignments3D/alpha", np.inf, "alignments3D/alpha is not a number"),
        ("ctf/anisomag", np.nan, "ctf/anisomag is not a number"),
        ("ctf/tilt_A", np.nan, "ctf/tilt_A is not a number"),
    ],
)
def test_value_that_cannot_be_is_refused(tmp_path: Path, name: str, value: object, message: str):
    rows = make_rows(12)
    rows[name][5] = value
    with pytest.raises(InputError, match=message):
        read(tmp_path, rows)


def test_path_that_is_no_utf8_is_read_and_written_but_not_put_into_a_star(tmp_path: Path):
    rows = make_rows(12)
    rows["blob/path"][5] = b"J7/\xff\xfe.mrc"
    table = read(tmp_path, rows)
    assert table.stack_names[5].encode("utf-8", "surrogateescape") == b"J7/\xff\xfe.mrc"
    with pytest.raises(InputError, match="which a star file cannot hold"):
        run_convert(ConvertSettings(tmp_path / "J42", tmp_path / "a.star", stacks="name"), Progress())
    assert not (tmp_path / "a.star").exists()


def test_no_row_is_refused_by_every_way(tmp_path: Path):
    with pytest.raises(InputError, match="holds no particles"):
        read(tmp_path, make_rows(0))
    with pytest.raises(InputError, match="holds no particles"):
        run_convert(ConvertSettings(tmp_path / "J42", tmp_path / "a.star", stacks="name"), Progress())


def test_hostile_columns_never_end_in_another_error(tmp_path: Path):
    """Any column replaced by any other form: a table or an InputError, and never a warning of NumPy."""
    random, rows = np.random.default_rng(5), make_rows(12)
    forms = ["f4", "f8", "u4", "i8", "S5", "U3", "?", ("f4", (2,)), ("f4", (3,)), ("u8", (2, 2)), "c8"]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=GemNote)  # what was corrected, and which sizes there are
        for name in rows.dtype.names:
            for form in forms:
                other = np.zeros(
                    12, dtype=[(one, form if one == name else rows.dtype[one]) for one in rows.dtype.names]
                )
                for one in rows.dtype.names:
                    if one != name:
                        other[one] = rows[one]
                    elif other.dtype[one].base.kind in "fuic":
                        other[one] = random.normal(size=other[one].shape)
                with contextlib.suppress(InputError):
                    assert len(read(tmp_path, other)) == 12


def group_of(folder: Path, files: dict[str, str], types: dict[str, str], n_particles: int) -> Path:
    """A .csg as CryoSPARC writes it into its job directory."""
    results = "".join(
        f"  {slot}:\n    metafile: J98/{name}\n    num_items: {n_particles}\n    type: particle.{types.get(slot, slot)}\n"
        for slot, name in files.items()
    )
    (folder / "J98_particles.csg").write_text(
        f"group:\n  name: particles\n  type: particle\nresults:\n{results}"
    )
    return folder / "J98_particles.csg"


@pytest.fixture
def job_with_new_images(tmp_path: Path) -> Path:
    """A job whose blob comes from another job: its own file still holds the old one."""
    rows, folder = make_rows(6), tmp_path / "J98"
    passed = only_fields(rows, "blob", "location")[::-1].copy()
    passed["blob/psize_A"] = 9
    write_cs_rows(folder / "J98_003_particles.cs", only_fields(rows, "alignments3D", "blob", "ctf"))
    write_cs_rows(folder / "J98_passthrough_particles.cs", passed)
    own, other = "J98_003_particles.cs", "J98_passthrough_particles.cs"
    group_of(folder, {"alignments3D": own, "blob": other, "ctf": own, "location": other}, {}, 6)
    return folder


@pytest.mark.parametrize("name", ["", "J98_particles.csg", "J98_003_particles.cs"])
def test_each_slot_comes_from_the_file_that_the_group_names(job_with_new_images: Path, name: str) -> None:
    joined = read_cryosparc(job_with_new_images / name).rows
    rows = make_rows(6)
    assert joined["uid"].tolist() == rows["uid"].tolist()
    assert joined["blob/psize_A"].tolist() == [9] * 6
    assert joined["blob/idx"].tolist() == rows["blob/idx"].tolist()
    assert set(joined.dtype.names) == set(
        only_fields(rows, "alignments3D", "blob", "ctf", "location").dtype.names
    )


def test_a_slot_that_the_named_file_lacks_is_refused(job_with_new_images: Path) -> None:
    own, other = "J98_003_particles.cs", "J98_passthrough_particles.cs"
    group_of(job_with_new_images, {"alignments3D": own, "blob": other, "ctf": other}, {}, 6)
    with pytest.raises(
        InputError, match=r"names J98_passthrough_particles.cs for the slot ctf, but that file has only blob"
    ):
        read_cryosparc(job_with_new_images)


@pytest.mark.parametrize("name", ["J98_particles.csg", "J98_003_particles.cs"])
def test_types_of_slots_are_kept(tmp_path: Path, name: str) -> None:
    rows = make_rows(6)
    odd = with_fields(rows, {"alignments_class_0/split": rows["alignments3D/split"]})
    write_cs_rows(tmp_path / "J98" / "J98_003_particles.cs", odd)
    slots = ("alignments3D", "alignments_class_0", "blob", "ctf", "location")
    types = {"alignments_class_0": "alignments3D"}
    group_of(tmp_path / "J98", dict.fromkeys(slots, "J98_003_particles.cs"), types, 6)
    particles = read_cryosparc(tmp_path / "J98" / name)
    csg = write_particle_group(tmp_path / "sub.cs", particles, np.array([1, 4]), "t", "d")
    assert read_csg(csg).slot_types["alignments_class_0"] == "particle.alignments3D"


def test_case_of_images_in_another_file(shared_cases: Path) -> None:
    particles = read_cryosparc(shared_cases / "cryosparc" / "replaced_blob" / "P1" / "J98")
    assert set(particles.rows["blob/psize_A"].tolist()) == {9}


def test_case_of_the_type_of_a_slot(shared_cases: Path, tmp_path: Path) -> None:
    particles = read_cryosparc(shared_cases / "cryosparc" / "alignments_class_0" / "P1" / "J63")
    csg = write_particle_group(tmp_path / "sub.cs", particles, np.array([1, 2]), "t", "d")
    assert read_csg(csg).slot_types["alignments_class_0"] == "particle.alignments3D"
