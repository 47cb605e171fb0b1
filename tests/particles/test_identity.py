"""Which rows show one image and which are views of one particle, by every name that a file may have for them."""

from pathlib import Path

import numpy as np
import pytest
from cryosparc_rows import make_rows, with_fields
from relion_projects import RelionProject
from small_star_run import write_run

from gem_plugin.io.cryosparc.files import write_cs_rows
from gem_plugin.particles import ParticleTable
from gem_plugin.particles.from_cryosparc import read_cryosparc_particles
from gem_plugin.particles.from_relion import read_relion_particles
from gem_plugin.particles.identity import (
    Position,
    identify_rows,
    joined,
    merge_linked_stacks,
    numbered,
    resolved_paths,
)
from gem_plugin.particles.prepared import load_prepared_table

N = 6
PLAIN = list(range(N))


@pytest.fixture
def project(tmp_path: Path) -> RelionProject:
    return RelionProject(tmp_path, n_particles=N)


def read(project: RelionProject) -> ParticleTable:
    return read_relion_particles(project.write_star())


def read_cs(folder: Path, rows: np.ndarray) -> ParticleTable:
    write_cs_rows(folder / "J50_particles.cs", rows)
    return read_cryosparc_particles(folder / "J50_particles.cs")


def assert_identity(table: ParticleTable, images: list[int], particles: list[int]) -> None:
    assert (table.image_indices.tolist(), table.particle_indices.tolist()) == (images, particles)


def test_numbers_are_counted_in_the_order_of_the_rows() -> None:
    assert numbered(np.array(["b", "a", "b"], dtype=object), np.array([1, 1, 2])).tolist() == [0, 1, 2]
    assert numbered(np.array(["b", "a", "b", "b"], dtype=object), np.array([1, 1, 2, 1])).tolist() == [
        0,
        1,
        2,
        0,
    ]
    assert numbered(np.zeros(0, dtype=object), np.zeros(0)).tolist() == []


def test_rows_are_joined_through_others() -> None:
    assert joined(np.array([0, 0, 1, 2, 3]), np.array([0, 1, 1, 2, 3])).tolist() == [0, 0, 0, 1, 2]


def test_plain_particles_are_each_their_own(project: RelionProject, tmp_path: Path) -> None:
    assert_identity(read(project), PLAIN, PLAIN)
    assert_identity(read_cs(tmp_path, make_rows(N)), PLAIN, PLAIN)


def test_a_run_of_an_earlier_version_has_particles_of_their_own(tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 4)
    with np.load(run.prepared_table) as saved:
        names = ("image_indices", "particle_indices", "file_rows")
        values = {name: saved[name] for name in saved.files if name not in names}
    np.savez(run.prepared_table, **values)
    table = load_prepared_table(run)[0]
    assert_identity(table, [0, 1, 2, 3], [0, 1, 2, 3])
    assert table.file_rows.tolist() == [0, 1, 2, 3]


def test_names_written_differently_are_one_image(project: RelionProject) -> None:
    names = project.columns["_rlnImageName"]
    names[3] = names[0].removeprefix("00000")  # 1@stack for 000001@stack
    assert_identity(read(project), [0, 1, 2, 0, 3, 4], [0, 1, 2, 0, 3, 4])


def test_subtracted_copies_are_views_of_the_particle_that_they_were_made_of(project: RelionProject) -> None:
    project.columns["_rlnImageOriginalName"] = [f"{row // 3 + 1:06d}@Extract/whole.mrcs" for row in range(N)]
    assert_identity(read(project), PLAIN, [0, 0, 0, 1, 1, 1])


def test_rows_without_an_original_name_are_known_by_their_own(project: RelionProject) -> None:
    """A joined file: RELION writes None where one of the two had no such column."""
    first = project.columns["_rlnImageName"][0]
    project.columns["_rlnImageOriginalName"] = ["None", "None", first, "None", "None", "None"]
    assert_identity(read(project), PLAIN, [0, 1, 0, 2, 3, 4])


def test_copies_with_new_names_are_known_by_their_coordinates(project: RelionProject) -> None:
    project.columns["_rlnMicrographName"] = ["mic1.mrc"] * 3 + ["mic2.mrc"] * 3
    project.columns["_rlnCoordinateX"] = ["10", "10", "20", "10", "30", "30"]
    project.columns["_rlnCoordinateY"] = ["5", "5", "5", "5", "5", "6"]
    assert_identity(read(project), PLAIN, [0, 0, 1, 2, 3, 4])


@pytest.mark.parametrize("value", ["0", "nan"])
def test_coordinates_that_were_never_filled_say_nothing(project: RelionProject, value: str) -> None:
    project.columns["_rlnMicrographName"] = ["mic1.mrc"] * N
    project.columns["_rlnCoordinateX"] = project.columns["_rlnCoordinateY"] = [value] * N
    assert_identity(read(project), PLAIN, PLAIN)


def test_one_position_for_all_says_nothing() -> None:
    n = 200
    rows, same = np.arange(n), np.ones(n)
    stacks = np.array(["a.mrcs"] * n, dtype=object)
    found = identify_rows(stacks, rows, (same,), position=Position(same, same, same))
    assert found.particle_indices.tolist() == rows.tolist()


def test_optics_groups_of_one_image_are_prepared_apart_and_stay_one_particle(project: RelionProject) -> None:
    project.columns["_rlnImageName"][1] = project.columns["_rlnImageName"][0]
    project.optics.append({**project.optics[0], "_rlnOpticsGroup": "2"})
    project.columns["_rlnOpticsGroup"][1] = "2"
    assert_identity(read(project), PLAIN, [0, 0, 1, 2, 3, 4])


def test_links_to_one_stack_are_one_stack(project: RelionProject) -> None:
    """Copies that were given names of their own by links, for programs that take each name once."""
    project.write_stacks()
    (project.folder / "Linked").symlink_to("Extract")
    names = project.columns["_rlnImageName"]
    names[3:] = [name.replace("Extract", "Linked") for name in names[:3]]
    table = read(project)
    paths = {name: project.folder / name for name in set(table.stack_names.tolist())}
    assert_identity(table, PLAIN, PLAIN)
    assert_identity(merge_linked_stacks(table, paths), [0, 1, 2, 0, 1, 2], [0, 1, 2, 0, 1, 2])


def expanded_rows(order: int) -> np.ndarray:
    rows = np.repeat(make_rows(2), order)
    rows["uid"] = make_rows(2 * order, seed=2)["uid"]
    rows["alignments3D/pose"] = make_rows(2 * order, seed=3)["alignments3D/pose"]
    return rows


def test_copies_of_cryosparc_share_source_and_image(tmp_path: Path) -> None:
    rows = expanded_rows(3)
    sources = np.repeat(np.array([2**63 + 1, 2**63 + 2], dtype=np.uint64), 3)  # equal as floats
    expanded = with_fields(rows, {"sym_expand/src_uid": sources, "sym_expand/idx": np.tile(np.arange(3), 2)})
    assert_identity(read_cs(tmp_path, expanded), [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1])
    assert_identity(read_cs(tmp_path, rows), [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1])


def test_subtracted_copies_of_cryosparc_are_known_by_source_else_by_place(tmp_path: Path) -> None:
    rows = expanded_rows(3)
    rows["blob/idx"] = np.arange(6)
    sources = np.repeat(np.array([7, 8], dtype=np.uint64), 3)
    assert_identity(read_cs(tmp_path, rows), PLAIN, [0, 0, 0, 1, 1, 1])
    rows["location/center_x_frac"] = np.linspace(0.1, 0.9, 6)
    assert_identity(read_cs(tmp_path, rows), PLAIN, PLAIN)
    assert_identity(
        read_cs(tmp_path, with_fields(rows, {"sym_expand/src_uid": sources})), PLAIN, [0, 0, 0, 1, 1, 1]
    )
    none = np.zeros(6, dtype=np.uint64)
    assert_identity(read_cs(tmp_path, with_fields(rows, {"sym_expand/src_uid": none})), PLAIN, PLAIN)


def test_counts_in_words(project: RelionProject) -> None:
    assert read(project).counts == "6 particles"
    names = project.columns["_rlnImageName"]
    names[3:] = names[:3]
    assert read(project).counts == "3 images, 6 views"
    project.columns["_rlnImageOriginalName"] = ["1@a.mrcs"] * N
    assert read(project).counts == "1 particles, 3 images, 6 views"


def test_paths_are_resolved_as_pathlib_does_through_links_of_files_and_of_folders(tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "real" / "deep" / "a.mrcs").touch()
    (tmp_path / "real" / "b.mrcs").symlink_to(tmp_path / "real" / "deep" / "a.mrcs")
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "chain.mrcs").symlink_to(tmp_path / "linked" / "b.mrcs")
    names = ["real/deep/a.mrcs", "real/b.mrcs", "linked/deep/a.mrcs", "linked/b.mrcs", "chain.mrcs"]
    names += ["linked/deep/../b.mrcs", "real/missing.mrcs", "linked/deep/../../linked/deep/a.mrcs"]
    paths = {name: tmp_path / name for name in names}
    assert resolved_paths(paths) == {name: path.resolve() for name, path in paths.items()}
    assert len(set(resolved_paths(paths).values())) == 2
