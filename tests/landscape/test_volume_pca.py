import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from gem_plugin.errors import InputError
from gem_plugin.landscape.volume_pca import (
    VOXELS_PER_BLOCK,
    collect_masked_voxels,
    distances_from_products,
    fit_volume_pca,
    inner_products,
    select_masked_voxels,
    weighted_mean,
)


def low_rank_rows(n_rows: int = 40, n_voxels: int = 900) -> np.ndarray:
    generator = np.random.default_rng(2)
    coordinates = generator.normal(size=(n_rows, 5)) * np.array([9, 5, 3, 2, 1])
    return (coordinates @ generator.normal(size=(5, n_voxels)) + generator.normal(size=n_voxels)).astype(
        np.float32
    )


def test_equal_weights_give_the_components_of_scikit_learn() -> None:
    rows = low_rank_rows()
    ours = fit_volume_pca(rows, np.full(40, 7.0), 5)
    theirs = PCA(5, svd_solver="full").fit(rows.astype(np.float64))
    np.testing.assert_allclose(ours.explained_variance, theirs.explained_variance_, rtol=1e-5)
    np.testing.assert_allclose(ours.explained_variance_ratio, theirs.explained_variance_ratio_, rtol=1e-5)
    overlap = np.abs(ours.components @ theirs.components_.T)
    np.testing.assert_allclose(np.diag(overlap), 1, atol=1e-4)


def test_whole_number_weights_equal_repeated_rows() -> None:
    rows = low_rank_rows(12)
    counts = np.random.default_rng(0).integers(1, 6, 12)
    weighted = fit_volume_pca(rows, counts.astype(float), 4)
    repeated = fit_volume_pca(np.repeat(rows, counts, axis=0), np.ones(counts.sum()), 4)
    np.testing.assert_allclose(weighted.components, repeated.components, atol=2e-5)
    np.testing.assert_allclose(
        weighted.explained_variance_ratio, repeated.explained_variance_ratio, rtol=1e-6
    )
    np.testing.assert_allclose(np.repeat(weighted.scores, counts, axis=0), repeated.scores, atol=1e-3)


def test_projecting_the_rows_gives_their_scores_and_the_components_are_orthonormal() -> None:
    rows = low_rank_rows()
    pca = fit_volume_pca(rows, np.arange(1.0, 41.0), 5)
    np.testing.assert_allclose(pca.project(rows), pca.scores, atol=1e-3)
    np.testing.assert_allclose(pca.components @ pca.components.T, np.eye(5), atol=1e-5)


def test_a_matrix_of_several_blocks_of_voxels_gives_what_one_product_gives() -> None:
    rows = low_rank_rows(6, 2 * VOXELS_PER_BLOCK + 17)
    weights = np.arange(1.0, 7.0)
    mean = weighted_mean(torch.from_numpy(rows), weights)
    np.testing.assert_allclose(mean, np.average(rows.astype(np.float64), axis=0, weights=weights))
    centred = rows - mean
    np.testing.assert_allclose(inner_products(torch.from_numpy(rows), mean), centred @ centred.T)
    pca = fit_volume_pca(torch.from_numpy(rows), weights, 3)
    np.testing.assert_allclose(pca.components @ pca.components.T, np.eye(3), atol=1e-5)
    np.testing.assert_allclose(pca.project(rows), pca.scores, atol=2e-3)


def test_no_more_components_than_the_maps_span() -> None:
    assert fit_volume_pca(low_rank_rows(3), np.ones(3), 20).scores.shape == (3, 2)
    assert fit_volume_pca(low_rank_rows(40), np.ones(40), 20).scores.shape[1] <= 20


def test_distances_are_euclidean() -> None:
    rows = low_rank_rows(10)
    distances = distances_from_products(inner_products(rows, rows.mean(axis=0)))
    expected = np.linalg.norm(rows[:, None].astype(float) - rows[None].astype(float), axis=2)
    np.testing.assert_allclose(distances, expected, rtol=1e-5, atol=1e-4)


def test_masked_voxels_are_weighted_then_clipped() -> None:
    volume = np.array([[[1.0, -2.0], [3.0, -4.0]], [[5.0, 6.0], [7.0, 8.0]]], np.float32)
    mask = np.array([[[0.5, 1.0], [0.0, 1.0]], [[1.0, 0.0], [0.25, 0.0]]], np.float32)
    np.testing.assert_allclose(select_masked_voxels(volume, mask), [0.5, 0, 0, 5, 1.75])
    np.testing.assert_allclose(
        select_masked_voxels(volume, mask, clip_negatives=False), [0.5, -2, -4, 5, 1.75]
    )
    matrix = torch.empty(1, 5)
    assert collect_masked_voxels([torch.from_numpy(volume)], mask, matrix) == -4
    np.testing.assert_allclose(matrix[0].numpy(), [0.5, 0, 0, 5, 1.75])


def test_equal_maps_are_no_landscape() -> None:
    with pytest.raises(InputError, match="collapse"):
        fit_volume_pca(np.ones((5, 30), np.float32), np.ones(5), 3)
    with pytest.raises(InputError, match="at least two maps"):
        fit_volume_pca(np.ones((1, 30), np.float32), np.ones(1), 3)
