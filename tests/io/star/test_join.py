"""Joined star files: all particles with their sample, optics groups of their own, and names that mean the same images."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.join import FileToJoin, write_joined_star
from gem_plugin.io.star.particles import RelionFile, read_relion_file
from gem_plugin.notices import listening

OPTICS = "\n# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnOpticsGroupName #2\n_rlnVoltage #3\n{labels}{rows}\n"
PARTICLES = (
    "data_particles\n\nloop_\n_rlnImageName #1\n_rlnMicrographName #2\n_rlnOpticsGroup #3\n{labels}{rows}\n"
)


def star(
    folder: Path, name: str, optics: str, particles: str, optics_labels: str = "", labels: str = ""
) -> RelionFile:
    path = folder / name
    path.write_text(
        OPTICS.format(labels=optics_labels, rows=optics) + PARTICLES.format(labels=labels, rows=particles)
    )
    return read_relion_file(path)


def joined(target: Path, *files: RelionFile, folders: tuple[Path | None, ...] = (None, None)) -> RelionFile:
    parts = [
        FileToJoin(name, one, folder, {} if folder is None else {"s.mrcs": folder / "s.mrcs"})
        for name, one, folder in zip("AB", files, folders, strict=True)
    ]
    write_joined_star(target, parts)
    return read_relion_file(target)


def texts(file: RelionFile, label: str) -> list[str]:
    return read_columns(file.document, file.particles, text_labels=[label])[label].tolist()


def test_optics_groups_get_numbers_of_their_own(tmp_path: Path) -> None:
    first = star(tmp_path, "a.star", "1 one 300\n2 two 300\n", "1@s.mrcs m1 2\n2@s.mrcs m1 1\n")
    second = star(tmp_path, "b.star", "1 one 200\n", "1@t.mrcs m2 1\n")
    file = joined(tmp_path / "joined.star", first, second)
    assert texts(file, "_rlnOpticsGroup") == ["2", "1", "3"]
    assert texts(file, "_gemSample") == ["A", "A", "B"]
    assert texts(file, "_rlnImageName") == ["1@s.mrcs", "2@s.mrcs", "1@t.mrcs"]
    assert file.optics is not None
    optics = read_columns(
        file.document, file.optics, ["_rlnVoltage"], ["_rlnOpticsGroup", "_rlnOpticsGroupName"]
    )
    assert optics["_rlnOpticsGroup"].tolist() == ["1", "2", "3"]
    assert optics["_rlnOpticsGroupName"].tolist() == ["A_one", "A_two", "B_one"]
    assert optics["_rlnVoltage"].tolist() == [300, 300, 200]


def test_columns_that_not_all_have_go_with_a_note_and_absent_aberrations_are_none(tmp_path: Path) -> None:
    first = star(
        tmp_path,
        "a.star",
        "1 one 300 0.5\n",
        '1@s.mrcs "m 1" 1 7\n',
        "_rlnBeamTiltX #4\n",
        "_rlnClassNumber #4\n",
    )
    second = star(tmp_path, "b.star", "1 one 300\n", "1@t.mrcs m2 1\n")
    with listening(lambda notice: None) as heard:
        file = joined(tmp_path / "joined.star", first, second)
    assert [one.sentence for one in heard] == [
        "Not all samples have the columns rlnClassNumber of particles: they are left out of the joined file."
    ]
    assert file.optics is not None
    assert read_columns(file.document, file.optics, ["_rlnBeamTiltX"])["_rlnBeamTiltX"].tolist() == [0.5, 0]
    assert texts(file, "_rlnMicrographName") == ["m 1", "m2"]


def test_names_of_two_projects_become_absolute(tmp_path: Path) -> None:
    """Micrographs and stacks of one name in two projects are different ones."""
    files = [star(tmp_path, f"{name}.star", "1 one 300\n", "3@s.mrcs m1 1\n") for name in "ab"]
    file = joined(tmp_path / "joined.star", *files, folders=(tmp_path / "P", tmp_path / "Q"))
    assert texts(file, "_rlnImageName") == [f"000003@{tmp_path}/{name}/s.mrcs" for name in "PQ"]
    assert texts(file, "_rlnMicrographName") == [f"{tmp_path}/{name}/m1" for name in "PQ"]


def test_files_of_before_relion_3_1_join_among_themselves_only(tmp_path: Path) -> None:
    old = tmp_path / "old.star"
    old.write_text("data_\n\nloop_\n_rlnImageName #1\n_rlnVoltage #2\n1@s.mrcs 300\n")
    new = star(tmp_path, "a.star", "1 one 300\n", "1@t.mrcs m1 1\n")
    with pytest.raises(InputError, match=r"old\.star has no data_optics, as before RELION 3\.1"):
        joined(tmp_path / "joined.star", read_relion_file(old), new)
    file = joined(tmp_path / "joined.star", read_relion_file(old), read_relion_file(old))
    assert file.optics is None
    assert texts(file, "_gemSample") == ["A", "B"]


def test_particles_of_an_unknown_optics_group_are_refused(tmp_path: Path) -> None:
    files = [star(tmp_path, f"{name}.star", "1 one 300\n", "1@s.mrcs m1 5\n") for name in "ab"]
    with pytest.raises(InputError, match="of optics group 5, data_optics has 1"):
        joined(tmp_path / "joined.star", *files)


def test_a_joined_file_can_be_joined_again(tmp_path: Path) -> None:
    files = [star(tmp_path, f"{name}.star", "1 one 300\n", f"1@{name}.mrcs m1 1\n") for name in "ab"]
    once = joined(tmp_path / "once.star", *files)
    other = star(tmp_path, "c.star", "1 one 300\n", "1@c.mrcs m1 1\n")
    twice = joined(tmp_path / "twice.star", once, other)
    assert texts(twice, "_gemSample") == ["A", "A", "B"]
    assert list(twice.particles.labels).count("_gemSample") == 1
    assert np.unique(texts(twice, "_rlnOpticsGroup")).tolist() == ["1", "2", "3"]
