"""Joined CryoSPARC particles: fields that all have, exposure groups kept apart, no particle twice."""

from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.join import RowsToJoin, joined_rows
from gem_plugin.notices import listening


def rows(first_uid: int, groups: list[int], width: int = 8, **more: str) -> np.ndarray:
    types = [
        ("uid", "u8"),
        ("blob/path", f"S{width}"),
        ("ctf/exp_group_id", "u4"),
        ("alignments3D/pose", "f4", 3),
    ]
    made = np.zeros(len(groups), [*types, *more.items()])
    made["uid"] = first_uid + np.arange(len(groups))
    made["blob/path"], made["ctf/exp_group_id"] = b"J1/a.mrc", groups
    made["alignments3D/pose"] = first_uid
    return made


def test_rows_follow_each_other_with_groups_of_their_own() -> None:
    found = joined_rows([RowsToJoin("A", rows(10, [1, 1, 4]), None), RowsToJoin("B", rows(20, [1]), None)])
    assert found["uid"].tolist() == [10, 11, 12, 20]
    assert found["ctf/exp_group_id"].tolist() == [1, 1, 2, 3]
    np.testing.assert_array_equal(found["alignments3D/pose"][:, 2], [10, 10, 10, 20])


def test_fields_that_not_all_have_go_with_a_note_and_long_names_keep_their_end() -> None:
    second = rows(20, [1], 30, extra="f4")
    second["blob/path"] = b"J2/a_longer_name.mrc"
    with listening(lambda notice: None) as heard:
        found = joined_rows([RowsToJoin("A", rows(10, [1]), None), RowsToJoin("B", second, None)])
    assert "the fields extra: they are left out" in heard[0].sentence
    assert found["blob/path"].tolist() == [b"J1/a.mrc", b"J2/a_longer_name.mrc"]


def test_names_of_two_projects_become_absolute(tmp_path: Path) -> None:
    sets = [RowsToJoin(name, rows(10 * number, [1]), tmp_path / name) for number, name in enumerate("AB", 1)]
    assert joined_rows(sets)["blob/path"].tolist() == [
        f"{tmp_path}/{name}/J1/a.mrc".encode() for name in "AB"
    ]


def test_the_same_particle_in_two_samples_is_refused() -> None:
    with pytest.raises(InputError, match="Samples A and B share 1 particles, first uid 11"):
        joined_rows([RowsToJoin("A", rows(10, [1, 1]), None), RowsToJoin("B", rows(11, [1]), None)])
