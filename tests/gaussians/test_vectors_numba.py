"""Vectors in compiled code: what each operation gives, beside numpy."""

import numba
import numpy as np
import pytest

from gem_plugin.gaussians import vectors_numba as vectors

VALUES = np.random.default_rng(0).normal(size=24).astype(np.float32)
load_four, load_eight, store_four = vectors.load_four, vectors.load_eight, vectors.store_four


def stored(operation):
    """The four numbers that an operation of the values gives, compiled."""

    @numba.njit
    def run(values, stored):
        store_four(stored, 1, operation(values))

    function, result = operation, np.full(6, np.nan, np.float32)
    operation = numba.njit(function)
    run(VALUES, result)
    assert np.isnan(result[[0, 5]]).all(), "only four numbers are written"
    return result[1:5]


def test_four_numbers_are_loaded_and_stored_where_the_index_says():
    np.testing.assert_array_equal(stored(lambda values: load_four(values, 3)), VALUES[3:7])


def test_eight_numbers_are_stored_where_the_index_says():
    store_eight = vectors.store_eight

    @numba.njit
    def run(values, stored):
        store_eight(stored, 2, load_eight(values, 3))

    result = np.full(12, np.nan, np.float32)
    run(VALUES, result)
    np.testing.assert_array_equal(result[2:10], VALUES[3:11])
    assert np.isnan(result[[0, 1, 10, 11]]).all()


@pytest.mark.parametrize(("half", "expected"), [("first_half", VALUES[5:9]), ("second_half", VALUES[9:13])])
def test_halves_of_eight_numbers(half, expected):
    take = getattr(vectors, half)
    np.testing.assert_array_equal(stored(lambda values: take(load_eight(values, 5))), expected)


def test_sums_differences_and_products():
    def operation(values):
        left, middle, right = load_four(values, 0), load_four(values, 4), load_four(values, 8)
        return left * middle + right - left

    left, middle, right = VALUES[:4], VALUES[4:8], VALUES[8:12]
    np.testing.assert_allclose(stored(operation), left * middle + right - left, rtol=1e-5, atol=1e-6)


def test_products_of_eight_numbers():
    second_half = vectors.second_half
    found = stored(lambda values: second_half(load_eight(values, 0) * load_eight(values, 8)))
    np.testing.assert_array_equal(found, VALUES[4:8] * VALUES[12:16])


@pytest.mark.parametrize("k", range(4))
def test_one_number_is_repeated(k):
    of_four, of_eight = getattr(vectors, f"four_of_{k}"), getattr(vectors, f"repeat_{k}")
    first_half, second_half = vectors.first_half, vectors.second_half
    np.testing.assert_array_equal(stored(lambda values: of_four(load_four(values, 0))), VALUES[k])
    np.testing.assert_array_equal(
        stored(lambda values: first_half(of_eight(load_eight(values, 0)))), VALUES[k]
    )
    found = stored(lambda values: second_half(of_eight(load_eight(values, 0))))
    np.testing.assert_array_equal(found, VALUES[4 + k])


def test_a_number_and_a_vector_are_repeated():
    four_of, eight_of, twice = vectors.four_of, vectors.eight_of, vectors.twice
    second_half = vectors.second_half
    np.testing.assert_array_equal(stored(lambda values: four_of(values[7])), VALUES[7])
    np.testing.assert_array_equal(stored(lambda values: second_half(eight_of(values[7]))), VALUES[7])
    found = stored(lambda values: second_half(twice(load_four(values, 2))))
    np.testing.assert_array_equal(found, VALUES[2:6])


def test_the_sum_of_four_numbers():
    total_of = vectors.total_of

    @numba.njit
    def run(values):
        return total_of(load_four(values, 6))

    assert run(VALUES) == pytest.approx(VALUES[6:10].sum(), rel=1e-6)


def test_vectors_of_different_sizes_are_not_added():
    @numba.njit
    def run(values):
        return vectors.total_of(load_four(values, 0) + load_eight(values, 0))

    with pytest.raises(numba.core.errors.TypingError):
        run(VALUES)
