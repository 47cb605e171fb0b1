"""One image in one pose twice is an accident; copies by symmetry and along a helix are not."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from small_star_run import write_run

from gem_plugin.errors import InputError
from gem_plugin.imaging.symmetry import symmetry_operators
from gem_plugin.notices import listening
from gem_plugin.particles import ParticleTable
from gem_plugin.particles.duplicates import SAME_POSE, repeated_views, without_duplicates
from gem_plugin.particles.identity import identify_rows
from gem_plugin.particles.prepared import load_prepared_table

STAR = Path("joined.star")


def views(folder: Path, slices: list[int], rotations: Rotation) -> ParticleTable:
    """Rows that show the given slices in the given poses."""
    run, _ = write_run(folder, len(slices))
    table = load_prepared_table(run)[0]
    numbers = np.array(slices)
    identity = identify_rows(table.stack_names, numbers, ())
    return dataclasses.replace(
        table,
        slice_indices=numbers,
        rotation_matrices=rotations.as_matrix().astype(np.float32),
        **identity._asdict(),
    )


def turned(first: Rotation, degrees: list[float]) -> Rotation:
    return Rotation.concatenate([first * Rotation.from_euler("z", angle, degrees=True) for angle in degrees])


@pytest.fixture
def copies(tmp_path: Path) -> ParticleTable:
    """Four images in the three poses of C3 each, and two rows of them again."""
    generator = np.random.default_rng(0)
    poses = [turned(Rotation.random(rng=generator), [0, 120, 240]) for _ in range(4)]
    rotations = Rotation.concatenate([*poses, poses[1][2], poses[0][0]])
    return views(tmp_path, [*np.repeat(range(4), 3).tolist(), 1, 0], rotations)


def test_repeated_views_are_counted_and_named(copies: ParticleTable) -> None:
    assert repeated_views(copies, SAME_POSE).tolist() == [[12, 5], [13, 0]]
    words = r"joined.star: 2 of 14 rows show an image in the pose that an earlier row has: row 12 as row 5 .*--drop-duplicates"
    with pytest.raises(InputError, match=words):
        without_duplicates(copies, STAR, is_dropped=False)


def test_dropped_rows_are_said_and_the_others_keep_their_rows(copies: ParticleTable) -> None:
    order = np.array([13, 12, *range(12)])  # the repeated ones come first
    with listening(lambda notice: None) as notices:
        kept = without_duplicates(copies.take(order), STAR, is_dropped=True)
    assert [notice.sentence.count("2 of 14 rows") for notice in notices] == [1]
    assert kept.file_rows.tolist() == [13, 12, *(row for row in range(12) if row not in (0, 5))]
    assert kept.n_images == 4
    assert len(repeated_views(kept, SAME_POSE)) == 0


@pytest.mark.parametrize("rounding", [1e-3, 0.01])
def test_rounding_does_not_hide_a_duplicate(tmp_path: Path, rounding: float) -> None:
    table = views(
        tmp_path, [0, 0, 1], turned(Rotation.random(rng=np.random.default_rng(1)), [0, rounding, 0])
    )
    assert repeated_views(table, SAME_POSE).tolist() == [[1, 0]]


def test_many_repetitions_of_one_row(tmp_path: Path) -> None:
    table = views(tmp_path, [0] * 50, turned(Rotation.identity(), [0.0] * 50))
    pairs = repeated_views(table, SAME_POSE)
    assert pairs[:, 0].tolist() == list(range(1, 50))
    assert (pairs[:, 1] < pairs[:, 0]).all()


def test_copies_along_a_helix_are_no_duplicates(tmp_path: Path) -> None:
    """A twist of 1.2 degrees and a rise of 4.8 A: seen along the axis only the pose differs, from the side the shift too."""
    table = views(
        tmp_path, [0] * 5, turned(Rotation.random(rng=np.random.default_rng(2)), [0, 1.2, 2.4, 3.6, 4.8])
    )
    shifts = np.stack([4.8 * np.arange(5), np.zeros(5)], axis=1).astype(np.float32)
    with listening(lambda notice: None) as notices:
        assert (
            without_duplicates(dataclasses.replace(table, shifts_in_angstroms=shifts), STAR, False)
            is not None
        )
    assert notices == []


def test_two_refinements_of_one_image_are_warned_about_and_kept(tmp_path: Path) -> None:
    table = views(tmp_path, [0, 1, 0], turned(Rotation.random(rng=np.random.default_rng(3)), [0, 0, 1.0]))
    with listening(lambda notice: None) as notices:
        assert len(without_duplicates(table, STAR, is_dropped=False)) == 3
    (notice,) = notices
    assert "1 of 3 rows show an image in nearly the pose of an earlier row" in notice.sentence


def test_copies_of_every_order_are_told_apart(tmp_path: Path) -> None:
    rotations = Rotation.from_matrix(symmetry_operators("I"))
    poses = Rotation.concatenate(
        [Rotation.random(rng=np.random.default_rng(seed)) * rotations for seed in range(20)]
    )
    table = views(tmp_path, np.repeat(range(20), 60).tolist(), poses)
    with listening(lambda notice: None) as notices:
        assert len(without_duplicates(table, STAR, is_dropped=False)) == 1200
    assert notices == []


def test_programs_remove_duplicates_of_plain_sets_only(copies: ParticleTable, tmp_path: Path) -> None:
    """By the distance of particles, so that of an expanded set one view of each would be left."""
    with pytest.raises(
        InputError, match=r"Do not remove duplicates in RELION or CryoSPARC: .*one would be left"
    ):
        without_duplicates(copies, STAR, is_dropped=False)
    plain = views(tmp_path, [0, 1, 0], Rotation.concatenate([Rotation.identity()] * 3))
    with pytest.raises(InputError, match="RELION: Subset selection, remove duplicates"):
        without_duplicates(plain, STAR, is_dropped=False)
