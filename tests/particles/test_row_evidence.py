"""Pairs of rows that agree in image, place and defocus."""

from pathlib import Path

import numpy as np
import starfile
from cryosparc_rows import make_rows

from gem_plugin.io.star.particles import read_relion_file
from gem_plugin.particles.cryosparc_to_relion import relion_tables
from gem_plugin.particles.row_evidence import (
    angles_between,
    evidence_of_rows,
    evidence_of_star,
    has_own_defocus,
    pairs_by_image,
    pairs_by_position,
)


def test_a_converted_file_agrees_with_itself_in_everything(tmp_path: Path) -> None:
    rows = make_rows(25)
    starfile.write(relion_tables(rows, Path("a.cs")), tmp_path / "a.star", float_format="%.9g")
    file = read_relion_file(tmp_path / "a.star")
    star, own = evidence_of_star(file), evidence_of_rows(rows)
    expected = [[row, row] for row in range(25)]
    by_position, has_place = pairs_by_position(star, own, 2.0)
    assert pairs_by_image(star, own, file).tolist() == expected
    assert sorted(by_position.tolist()) == expected
    assert has_place.all()
    assert angles_between(star, own, by_position).max() < 1e-3
    assert has_own_defocus(star, own, by_position).all()


def test_the_leading_uid_of_imported_stacks_is_recognised(tmp_path: Path) -> None:
    rows = make_rows(25)
    starfile.write(relion_tables(rows, Path("a.cs")), tmp_path / "a.star")
    file = read_relion_file(tmp_path / "a.star")
    star = evidence_of_star(file)
    rows["blob/path"] = [
        f"J1/imported/000123456_{path.decode().rsplit('/', 1)[1]}s".encode() for path in rows["blob/path"]
    ]
    own = evidence_of_rows(rows)
    assert pairs_by_image(star, own, file).tolist() == [[row, row] for row in range(25)]


def test_micrographs_of_one_name_in_two_folders_say_nothing(tmp_path: Path) -> None:
    rows = make_rows(25)
    starfile.write(relion_tables(rows, Path("a.cs")), tmp_path / "a.star")
    star = evidence_of_star(read_relion_file(tmp_path / "a.star"))
    rows["location/micrograph_path"][:5] = b"J9/motion/mic_0.mrc"
    by_position, has_place = pairs_by_position(star, evidence_of_rows(rows), 2.0)
    assert np.flatnonzero(~has_place).tolist() == list(range(10))
    assert by_position[:, 0].min() == 10
