import numpy as np
import pytest
from arm_model import ring_latents

from gem_plugin.errors import InputError
from gem_plugin.landscape.sketch import keep_cells, make_sketch, sketch_from_rows


def test_every_particle_belongs_to_the_cell_of_its_representative() -> None:
    latents = ring_latents(400)
    sketch = make_sketch(latents, 30, seed=0)
    assert len(sketch) == 30
    assert sketch.counts.sum() == 400
    assert (sketch.counts > 0).all()
    np.testing.assert_array_equal(sketch.labels[sketch.rows], np.arange(30))


def test_neighbours_in_the_list_are_neighbours_in_space() -> None:
    latents = ring_latents(400)
    sketch = make_sketch(latents, 30, seed=0)
    steps = np.linalg.norm(np.diff(latents[sketch.rows], axis=0), axis=1)
    shuffled = np.random.default_rng(1).permutation(sketch.rows)
    assert np.median(steps) < 0.5 * np.median(np.linalg.norm(np.diff(latents[shuffled], axis=0), axis=1))


def test_the_same_seed_gives_the_same_sketch() -> None:
    latents = ring_latents(300)
    first, second = make_sketch(latents, 20, seed=3), make_sketch(latents, 20, seed=3)
    np.testing.assert_array_equal(first.rows, second.rows)
    np.testing.assert_array_equal(first.labels, second.labels)


def test_few_particles_are_all_used() -> None:
    sketch = make_sketch(ring_latents(12), 1000, seed=0)
    assert sorted(sketch.rows) == list(range(12))
    assert (sketch.counts == 1).all()


def test_one_latent_dimension_and_equal_latents_work() -> None:
    one_dimension = make_sketch(np.linspace(0, 1, 50, dtype=np.float32)[:, None], 5, seed=0)
    assert len(one_dimension) == 5
    equal = make_sketch(np.ones((50, 3), dtype=np.float32), 5, seed=0)
    assert len(equal) == 1
    assert equal.counts.tolist() == [50]


def test_given_rows_are_kept_in_their_order() -> None:
    latents = ring_latents(100)
    rows = np.array([70, 3, 41])
    sketch = sketch_from_rows(latents, rows)
    np.testing.assert_array_equal(sketch.rows, rows)
    nearest = ((latents[:, None] - latents[rows][None]) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(sketch.labels, nearest)


def test_left_out_cells_leave_their_particles_without_a_label() -> None:
    sketch = make_sketch(ring_latents(200), 10, seed=0)
    kept = keep_cells(sketch, np.array([7, 2]))
    np.testing.assert_array_equal(kept.rows, sketch.rows[[2, 7]])
    assert (kept.labels == -1).sum() == 200 - sketch.counts[[2, 7]].sum()
    np.testing.assert_array_equal(kept.counts, sketch.counts[[2, 7]])


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        (np.zeros((0, 4)), "Expected latents as a table"),
        (np.array([[0.0, 1.0], [np.nan, 2.0]]), "first row 1"),
    ],
)
def test_bad_latents_are_refused(latents: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_sketch(latents, 5, seed=0)


def test_rows_outside_the_data_are_refused() -> None:
    with pytest.raises(InputError, match="between 0 and 99"):
        sketch_from_rows(ring_latents(100), np.array([5, 100]))
    with pytest.raises(InputError, match="twice"):
        sketch_from_rows(ring_latents(100), np.array([5, 5]))
    with pytest.raises(InputError, match="between 0 and 9"):
        keep_cells(make_sketch(ring_latents(100), 10, seed=0), np.array([10]))


def test_particles_that_do_not_count_are_in_no_cell_and_stand_for_none() -> None:
    latents = ring_latents(200)
    is_used = np.arange(200) % 10 != 3
    latents[~is_used] = 100.0  # far from all others: they would take cells for themselves
    expected = make_sketch(latents[is_used], 20, seed=0)
    for sketch in (
        make_sketch(latents, 20, seed=0, is_used=is_used),
        sketch_from_rows(latents, np.flatnonzero(is_used)[expected.rows], is_used),
    ):
        np.testing.assert_array_equal(sketch.rows, np.flatnonzero(is_used)[expected.rows])
        assert (sketch.labels[~is_used] == -1).all()
        assert (sketch.labels[is_used] >= 0).all()
        np.testing.assert_array_equal(sketch.labels[sketch.rows], np.arange(20))
    with pytest.raises(InputError, match="Sketch row 3 is an excluded particle"):
        sketch_from_rows(latents, np.array([0, 3]), is_used)
