"""Every row of a star file gets its own uid back, or the file is refused with a count."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import starfile
from cryosparc_rows import make_rows, only_fields, with_fields
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.jobs import CryosparcParticles, read_cryosparc
from gem_plugin.particles.cryosparc_to_relion import UID_COLUMN, relion_tables
from gem_plugin.particles.relion_to_cryosparc import rows_in_star

CHOSEN = [20, 3, 7, 11]
PLACE = ["rlnCoordinateX", "rlnCoordinateY"]


def particles_of(rows: np.ndarray) -> CryosparcParticles:
    return CryosparcParticles(rows, Path("J42/J42_particles.cs"), Path("."))


def star_of(
    rows: np.ndarray, folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame], chosen: list[int] = CHOSEN
) -> Path:
    """The chosen rows as a star file without uids, changed as another program would."""
    tables = relion_tables(rows, Path("a.cs"))
    tables["particles"] = change(
        tables["particles"].iloc[chosen].drop(columns=UID_COLUMN).reset_index(drop=True)
    )
    starfile.write(tables, folder / "a.star", float_format="%.9g")
    return folder / "a.star"


def same(table: pd.DataFrame) -> pd.DataFrame:
    return table


def refined_again(table: pd.DataFrame) -> pd.DataFrame:
    random = np.random.default_rng(1)
    for name in ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"):
        table[name] = random.uniform(0, 180, len(table))
    return table


def extracted_again(table: pd.DataFrame) -> pd.DataFrame:
    """The same stack names, other numbers: as RELION's extraction of a subset gives them."""
    stacks = table["rlnImageName"].str.split("@").str[1]
    numbers = stacks.groupby(stacks).cumcount() + 1
    table["rlnImageName"] = [f"{number:06d}@{stack}" for number, stack in zip(numbers, stacks)]
    return table


def expanded(rows: np.ndarray) -> np.ndarray:
    """Each row twice, the second turned by 180 degrees about z, as C2 expansion leaves them."""
    twice = np.repeat(rows, 2)
    twice["uid"] = np.random.default_rng(5).integers(2**63, 2**64 - 1, len(twice), dtype=np.uint64)
    turned = Rotation.from_rotvec(twice["alignments3D/pose"][1::2].astype(float)).inv()
    turned = Rotation.from_euler("z", 180, degrees=True) * turned.inv()
    twice["alignments3D/pose"][1::2] = turned.as_rotvec()
    copies = np.arange(len(twice), dtype=np.uint32) % 2
    return with_fields(twice, {"sym_expand/idx": copies, "sym_expand/src_uid": np.repeat(rows["uid"], 2)})


@pytest.mark.parametrize("change", [same, refined_again, extracted_again])
def test_rows_are_found_without_uids(change: Callable, tmp_path: Path) -> None:
    rows = make_rows(25)
    assert rows_in_star(particles_of(rows), star_of(rows, tmp_path, change)).tolist() == CHOSEN


def test_images_that_were_extracted_again_are_found_by_coordinates_in_turned_micrographs(
    tmp_path: Path,
) -> None:
    rows = make_rows(25)

    def turned(table: pd.DataFrame) -> pd.DataFrame:
        table["rlnCoordinateY"] = 4096 - table["rlnCoordinateY"]
        return extracted_again(table)

    assert rows_in_star(particles_of(rows), star_of(rows, tmp_path, turned)).tolist() == CHOSEN


def test_images_that_were_extracted_again_are_refused_without_coordinates(tmp_path: Path) -> None:
    rows = make_rows(25)
    star = star_of(rows, tmp_path, lambda table: extracted_again(table).drop(columns=PLACE))
    with pytest.raises(
        InputError,
        match=r"3 of 4 particles have the image name of a particle .*extracted again\?.*still has",
    ):
        rows_in_star(particles_of(rows), star)


def test_pose_or_defocus_confirms_an_image_where_there_are_no_coordinates(tmp_path: Path) -> None:
    rows = make_rows(25)
    for change in (same, refined_again):
        star = star_of(rows, tmp_path, lambda table: change(table).drop(columns=PLACE))  # noqa: B023
        assert rows_in_star(particles_of(rows), star).tolist() == CHOSEN


def test_one_defocus_of_a_whole_micrograph_confirms_no_image(tmp_path: Path) -> None:
    rows = make_rows(25)
    for name in ("ctf/df1_A", "ctf/df2_A"):
        rows[name] = 12000
    star = star_of(rows, tmp_path, lambda table: refined_again(table).drop(columns=PLACE))
    with pytest.raises(InputError, match="neither its position in the micrograph"):
        rows_in_star(particles_of(rows), star)


@pytest.mark.parametrize("has_location", [True, False])
def test_each_copy_of_an_expanded_particle_gets_its_own_uid(has_location: bool, tmp_path: Path) -> None:
    rows = expanded(make_rows(12))
    if not has_location:
        rows = only_fields(rows, "blob", "ctf", "alignments3D", "sym_expand")
    chosen = [*range(0, 24, 2), *range(1, 24, 2)]
    star = star_of(rows, tmp_path, same, chosen)
    assert rows_in_star(particles_of(rows), star).tolist() == chosen


def test_copies_with_new_poses_are_refused_with_the_count(tmp_path: Path) -> None:
    rows = expanded(make_rows(12))
    star = star_of(rows, tmp_path, refined_again, [0, 2, 4])
    with pytest.raises(InputError, match=r"3 of 3 particles may be any of several .*symmetry expansion"):
        rows_in_star(particles_of(rows), star)


def test_a_single_copy_is_not_taken_for_the_other_one(tmp_path: Path) -> None:
    """The data set holds the first copy of each image, the star file the second one."""
    rows = expanded(make_rows(12))
    star = star_of(rows, tmp_path, same, [1, 3])
    with pytest.raises(InputError, match=r"2 of 2 particles may be any"):
        rows_in_star(particles_of(rows[::2]), star)


def test_a_particle_that_comes_twice_is_refused(tmp_path: Path) -> None:
    rows = make_rows(25)
    tables = relion_tables(rows, Path("a.cs"))
    tables["particles"] = tables["particles"].iloc[
        [3, 4, 3, 3]
    ]  # as relion_particle_symmetry_expand leaves uids
    starfile.write(tables, tmp_path / "a.star")
    with pytest.raises(InputError, match=r"2 of 4 rows are a particle .*expanded by symmetry in RELION"):
        rows_in_star(particles_of(rows), tmp_path / "a.star")


def test_a_star_file_without_particles_is_refused(tmp_path: Path) -> None:
    rows = make_rows(25)
    tables = relion_tables(rows, Path("a.cs"))
    columns = "\n".join(f"_{name} #{number}" for number, name in enumerate(tables["particles"], 1))
    (tmp_path / "a.star").write_text(f"data_particles\n\nloop_\n{columns}\n\n")
    with pytest.raises(InputError, match="holds no particles, so there is nothing to bring back"):
        rows_in_star(particles_of(rows), tmp_path / "a.star")


@pytest.mark.parametrize(
    ("name", "job"),
    [("uid", "J42"), ("nouid", "J42"), ("reextract", "J42"), ("imported", "J90/J90_001_particles.cs")],
)
def test_cases_of_the_way_back(name: str, job: str, shared_cases: Path) -> None:
    case = shared_cases / "cryosparc" / "star_back"
    particles = read_cryosparc(case / "P1" / job)
    uids = starfile.read(case / "uid.star")["particles"][
        "rlnImageName"
    ]  # the same particles in the same order
    expected = rows_in_star(read_cryosparc(case / "P1" / "J42"), case / "uid.star")
    found = rows_in_star(particles, case / f"{name}.star")
    assert len(found) == len(uids)
    assert (
        particles.rows["uid"][found].tolist()
        == read_cryosparc(case / "P1/J42").rows["uid"][expected].tolist()
    )


@pytest.mark.parametrize(
    ("name", "message"), [("empty", "holds no particles"), ("floatuid", "expected whole numbers")]
)
def test_cases_that_are_refused(name: str, message: str, shared_cases: Path) -> None:
    case = shared_cases / "cryosparc" / "star_back"
    with pytest.raises(InputError, match=message):
        rows_in_star(read_cryosparc(case / "P1" / "J42"), case / f"{name}.star")


def test_cases_of_symmetry_expansion(shared_cases: Path) -> None:
    case = shared_cases / "cryosparc" / "sym_expand"
    particles = read_cryosparc(case / "P1" / "J50")
    by_uid = rows_in_star(particles, case / "sub_uid.star")
    assert rows_in_star(particles, case / "sub_nouid.star").tolist() == by_uid.tolist()
    assert rows_in_star(particles, case / "all_nouid.star").tolist() == list(range(len(particles)))
