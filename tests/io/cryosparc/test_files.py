"""Reading .cs and .csg files, job directories and exports; joining on uid."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from cryosparc_rows import make_rows, only_fields

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import dataset_to_rows, read_cs_rows, read_csg, write_cs_rows, write_csg
from gem_plugin.io.cryosparc.jobs import read_cryosparc

REAL_FILES = ["cryosparc_J2_particles_exported.cs", "cryosparc_P12_J24_001_particles.cs", "empiar_10076_7.cs"]


def make_job(project: Path, rows: np.ndarray, uid: str = "J42") -> Path:
    """A finished job: an early iteration, the final particles, and the passthrough in another row order."""
    folder = project / uid
    folder.mkdir(parents=True)
    write_cs_rows(folder / f"{uid}_003_particles.cs", only_fields(rows, "alignments3D", "ctf")[:1])
    write_cs_rows(folder / f"{uid}_011_particles.cs", only_fields(rows, "alignments3D", "ctf"))
    write_cs_rows(
        folder / f"{uid}_passthrough_particles.cs", only_fields(rows, "blob", "location", "ctf")[::-1]
    )
    return folder


def assert_same_rows(found: np.ndarray, expected: np.ndarray) -> None:
    """The same fields, in any field order, with the same bytes in the same row order."""
    assert set(found.dtype.names) == set(expected.dtype.names)
    for name in expected.dtype.names:
        assert found.dtype[name] == expected.dtype[name], name
        assert found[name].tobytes() == expected[name].tobytes(), name


@pytest.mark.parametrize("name", REAL_FILES)
def test_real_files_written_and_read_again_keep_every_byte(shared_data: Path, tmp_path: Path, name: str):
    rows = read_cs_rows(shared_data / "real" / name)
    write_cs_rows(tmp_path / name, rows)
    assert_same_rows(read_cs_rows(tmp_path / name), rows)
    assert (
        (shared_data / "real" / name).read_bytes().endswith(rows.tobytes())
    )  # nothing lost in reading either


def test_csdat_and_numpy_form_give_the_same_rows(tmp_path: Path):
    dataset_module = pytest.importorskip("cryosparc.dataset", reason="cryosparc-tools is not installed")
    rows = make_rows(23)
    write_cs_rows(tmp_path / "numpy.cs", rows)
    dataset = dataset_module.Dataset.load(tmp_path / "numpy.cs")
    dataset.save(tmp_path / "stream.cs", format=dataset_module.CSDAT_FORMAT)
    assert (tmp_path / "stream.cs").read_bytes()[:6] == b"\x95CSDAT"
    read = read_cs_rows(tmp_path / "stream.cs")
    assert read["uid"].dtype == np.uint64
    for field in rows.dtype.names:
        np.testing.assert_array_equal(read[field], rows[field])
    assert len(dataset_to_rows(dataset)) == 23


@pytest.mark.parametrize("compression", [None, "lz4"])
def test_csdat_cut_anywhere_is_refused_before_cryosparc_tools_sees_it(
    tmp_path: Path, compression: str | None
):
    """cryosparc-tools 4.7 and 5.0 end Python with a segmentation fault on such files."""
    dataset_module = pytest.importorskip("cryosparc.dataset", reason="cryosparc-tools is not installed")
    whole = b"".join(dataset_module.Dataset(make_rows(300)).stream(compression=compression))
    (tmp_path / "stream.cs").write_bytes(whole)
    assert len(read_cs_rows(tmp_path / "stream.cs")) == 300
    for length in [*range(6, len(whole) - 1800, 997), len(whole) - 1705]:
        (tmp_path / "stream.cs").write_bytes(whole[:length])
        with pytest.raises(InputError, match="is damaged or cut short"):
            read_cs_rows(tmp_path / "stream.cs")
    (tmp_path / "stream.cs").write_bytes(whole[:-1])
    with pytest.raises(InputError, match="its last text is cut short"):
        read_cs_rows(tmp_path / "stream.cs")


def test_job_directory_takes_the_last_iteration_and_joins_the_passthrough_by_uid(tmp_path: Path):
    rows = make_rows(31)
    particles = read_cryosparc(make_job(tmp_path, rows))
    assert_same_rows(particles.rows, rows)
    assert particles.source.name == "J42_011_particles.cs"
    assert particles.image_folder == tmp_path


def test_names_of_version_2_and_3_are_found(tmp_path: Path):
    rows = make_rows(5)
    folder = tmp_path / "J24"
    folder.mkdir()
    write_cs_rows(folder / "cryosparc_P12_J24_001_particles.cs", only_fields(rows, "alignments3D"))
    write_cs_rows(folder / "P12_J24_passthrough_particles.cs", only_fields(rows, "blob", "ctf", "location"))
    assert_same_rows(read_cryosparc(folder).rows, rows)


def test_csg_decides_which_files_belong_to_the_group(tmp_path: Path):
    rows = make_rows(8)
    folder = make_job(tmp_path, rows)
    write_cs_rows(folder / "J42_011_particles_final.cs", only_fields(rows[::-1], "alignments3D", "ctf"))
    (folder / "J42_particles.csg").write_text(
        "created: 2024-05-20 17:39:07.660886\n"
        "group: {description: All, name: particles, title: All particles, type: particle}\n"
        "results:\n"
        "  blob: {metafile: '>J42_passthrough_particles.cs', num_items: 8, type: particle.blob}\n"
        "  location: {metafile: J42/J42_passthrough_particles.cs, num_items: 8, type: particle.location}\n"
        "  ctf: {metafile: '>J42_011_particles_final.cs', num_items: 8, type: particle.ctf}\n"
        "  alignments3D: {metafile: '>J42_011_particles_final.cs', num_items: 8, type: particle.alignments3D}\n"
        "version: v4.5.3\n"
    )
    assert_same_rows(read_cryosparc(folder).rows, rows[::-1])
    assert_same_rows(read_cryosparc(folder / "J42_particles.csg").rows, rows[::-1])


def test_export_is_read_from_its_folder_and_from_the_folder_above(tmp_path: Path):
    rows = make_rows(6)
    rows["blob/path"] = [b">J7/extract/images.mrc"] * 6
    folder = tmp_path / "P1_J2_nonuniform" / "J2_particles"
    (folder / "J7" / "extract").mkdir(parents=True)
    (folder / "J7" / "extract" / "images.mrc").touch()
    write_cs_rows(folder / "J2_particles_exported.cs", rows)
    write_csg(folder / "J2_particles_exported.csg", "J2_particles_exported.cs", rows, "t", "d", "2026-01-01")
    for path in (
        folder,
        folder.parent,
        folder / "J2_particles_exported.cs",
        folder / "J2_particles_exported.csg",
    ):
        particles = read_cryosparc(path)
        assert_same_rows(particles.rows, rows)
        assert particles.image_folder == folder


def test_written_csg_lists_every_slot_with_its_type_and_count(tmp_path: Path):
    rows = make_rows(4)
    write_csg(tmp_path / "state.csg", "state.cs", rows, "State 1", "Four: particles", "2026-01-01 00:00:00")
    group = read_csg(tmp_path / "state.csg")
    assert group.group == {
        "name": "particles",
        "type": "particle",
        "title": "State 1",
        "description": "Four: particles",
    }
    assert set(group.metafiles) == {"blob", "ctf", "alignments3D", "location"}
    assert set(group.counts.values()) == {4}
    assert group.metafiles["blob"] == tmp_path / "state.cs"
    assert group.slot_types["alignments3D"] == "particle.alignments3D"


def test_missing_passthrough_row_is_counted_and_named(tmp_path: Path):
    rows = make_rows(9)
    folder = make_job(tmp_path, rows)
    write_cs_rows(
        folder / "J42_passthrough_particles.cs", only_fields(rows, "blob", "location")[[0, 1, 2, 4, 5, 6, 7]]
    )
    expected = f"has no row for 2 of the 9 particles of J42_011_particles.cs, the first missing uid is {rows['uid'][3]}"
    with pytest.raises(InputError, match=re.escape(expected)):
        read_cryosparc(folder)


def test_duplicate_uid_is_named_with_its_rows(tmp_path: Path):
    rows = make_rows(9)
    rows["uid"][7] = rows["uid"][2]
    write_cs_rows(tmp_path / "twice.cs", rows)
    expected = f"the first is {rows['uid'][2]} in rows 2 and 7"
    with pytest.raises(InputError, match=expected):
        read_cryosparc(tmp_path / "twice.cs")


def test_unfinished_job_is_refused(tmp_path: Path):
    folder = make_job(tmp_path, make_rows(3))
    (folder / "job.json").write_text(json.dumps({"uid": "J42", "status": "running"}))
    with pytest.raises(InputError, match="this CryoSPARC job is running, expected completed"):
        read_cryosparc(folder)


def test_empty_folder_says_what_was_expected(tmp_path: Path):
    with pytest.raises(
        InputError, match=r"expected one particle group .* found none. Has the job finished\?"
    ):
        read_cryosparc(tmp_path)


def test_several_groups_ask_for_a_choice(tmp_path: Path):
    rows = make_rows(2)
    for name in ("J5_particles_class_0", "J5_particles_class_1"):
        write_csg(tmp_path / f"{name}.csg", f"{name}.cs", rows, "t", "d", "2026-01-01")
    with pytest.raises(
        InputError, match=r"several particle groups: J5_particles_class_0.csg, J5_particles_class_1.csg"
    ):
        read_cryosparc(tmp_path)


def test_edited_count_in_csg_is_noticed(tmp_path: Path):
    rows = make_rows(4)
    write_cs_rows(tmp_path / "J5_particles.cs", rows[:3])
    write_csg(tmp_path / "J5_particles.csg", "J5_particles.cs", rows, "t", "d", "2026-01-01")
    with pytest.raises(InputError, match=r"promises \[4\] particles, but its particle file has 3"):
        read_cryosparc(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a CryoSPARC .cs file"),
        (b"data_particles\n\nloop_\n", "expected a CryoSPARC .cs file"),
        (b"\x93NUMPY\x01\x00", "is damaged or cut short"),
    ],
)
def test_broken_file_says_so(tmp_path: Path, content: bytes, message: str):
    (tmp_path / "broken.cs").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_cryosparc(tmp_path / "broken.cs")


def test_file_cut_in_the_middle_of_the_rows_is_refused(tmp_path: Path):
    write_cs_rows(tmp_path / "cut.cs", make_rows(50))
    content = (tmp_path / "cut.cs").read_bytes()
    (tmp_path / "cut.cs").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="is damaged or cut short"):
        read_cryosparc(tmp_path / "cut.cs")


def test_plain_array_and_pickled_objects_are_refused(tmp_path: Path):
    with open(tmp_path / "plain.cs", "wb") as handle:
        np.save(handle, np.zeros((3, 3)))
    with pytest.raises(InputError, match=r"is a plain array of shape \(3, 3\)"):
        read_cs_rows(tmp_path / "plain.cs")
    with open(tmp_path / "pickle.cs", "wb") as handle:
        np.save(handle, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="holds Python objects, which are never loaded"):
        read_cs_rows(tmp_path / "pickle.cs")


def test_absent_file_and_bad_csg_are_explained(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be read"):
        read_cryosparc(tmp_path / "absent.cs")
    (tmp_path / "bad.csg").write_text("group: [1, 2]\n")
    with pytest.raises(InputError, match="is not a CryoSPARC result group"):
        read_cryosparc(tmp_path / "bad.csg")
