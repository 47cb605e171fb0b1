"""The weights are those of largest likelihood, and their samples vary as those of repeated data do."""

import numpy as np
import pytest
from scipy.optimize import nnls

from gem_plugin.landscape import mixing_weights
from gem_plugin.landscape.mixing_weights import draw_weights, fit_weights, nearest_minimum, scores_of_groups


def two_normals(n_rows: int, fraction: float, generator: np.random.Generator) -> np.ndarray:
    """Likelihoods of rows of a mixture of normals at -1 and 1 with standard deviation 1."""
    values = np.where(generator.random(n_rows) < fraction, -1, 1) + generator.normal(size=n_rows)
    return np.exp(-0.5 * (values[:, None] - [-1, 1]) ** 2).astype(np.float32)


def test_weights_solve_the_likelihood_equations() -> None:
    likelihoods = two_normals(5000, 0.7, np.random.default_rng(0))
    fitted = fit_weights(likelihoods, np.ones(5000))
    responsibilities = likelihoods * fitted.weights
    responsibilities /= responsibilities.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(responsibilities.mean(axis=0), fitted.weights, atol=2e-4)
    assert abs(fitted.weights[0] - 0.7) < 0.03


def test_steps_by_the_curvature_of_some_rows_reach_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    likelihoods = two_normals(5000, 0.7, np.random.default_rng(0))
    by_all = fit_weights(likelihoods, np.ones(5000))
    monkeypatch.setattr("gem_plugin.landscape.mixing_weights.ROWS_FOR_STEPS", 600)
    by_some = fit_weights(likelihoods, np.ones(5000))
    np.testing.assert_allclose(by_some.weights, by_all.weights, atol=1e-4)
    np.testing.assert_allclose(by_some.curvature, by_all.curvature, rtol=1e-3)


def test_rows_that_are_sure_are_counted() -> None:
    fitted = fit_weights(np.eye(3, dtype=np.float32)[[0, 0, 1, 0]], np.array([1.0, 1, 1, 2]))
    np.testing.assert_allclose(fitted.weights, [0.8, 0.2, 0], atol=1e-5)


def test_samples_vary_as_the_weights_of_repeated_data() -> None:
    generator = np.random.default_rng(1)
    repeats = [fit_weights(two_normals(1000, 0.7, generator), np.ones(1000)).weights[0] for _ in range(200)]
    likelihoods = two_normals(1000, 0.7, generator)
    fitted = fit_weights(likelihoods, np.ones(1000))
    scores, sizes = scores_of_groups(likelihoods, np.ones(1000), fitted.weights, np.arange(1000))
    draws = draw_weights(fitted, scores, sizes, 400, generator)
    np.testing.assert_allclose(draws.sum(axis=1), 1)
    assert 0.8 < draws[:, 0].std() / np.std(repeats) < 1.25


@pytest.mark.parametrize("exchanges", [mixing_weights.MAXIMUM_EXCHANGES, 0])
@pytest.mark.parametrize("seed", range(8))
def test_the_minimum_is_that_of_least_squares_wherever_the_search_begins(
    seed: int, exchanges: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixing_weights, "MAXIMUM_EXCHANGES", exchanges)
    if exchanges:
        monkeypatch.delattr(mixing_weights, "nnls")  # the exchanges end by themselves
    generator = np.random.default_rng(seed)
    matrix, target = generator.normal(size=(40, 30)), generator.normal(size=40)
    expected, _ = nnls(matrix, target)
    assert 5 < (expected > 0).sum() < 25
    for n_positive in (1, 15, 30):
        weights = np.where(np.arange(30) < n_positive, generator.uniform(size=30), 0)
        gradient = matrix.T @ (matrix @ weights - target)
        found = nearest_minimum(weights, gradient, matrix.T @ matrix)
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_point_that_is_worth_little_is_not_left_out() -> None:
    found = nearest_minimum(np.array([1.0, 0]), np.array([0, -1e-6]), np.eye(2))
    np.testing.assert_allclose(found, [1, 1e-6], rtol=1e-9)


def test_scores_are_summed_over_groups_in_any_order() -> None:
    likelihoods = two_normals(100, 0.5, np.random.default_rng(2))
    counts, groups = np.arange(1.0, 101), np.arange(100) % 7
    scores, sizes = scores_of_groups(likelihoods, counts, np.array([0.4, 0.6]), groups)
    each = counts[:, None] * likelihoods / (likelihoods @ [0.4, 0.6])[:, None]
    for group in range(7):
        np.testing.assert_allclose(scores[group], each[groups == group].sum(axis=0), rtol=1e-5)
        assert sizes[group] == counts[groups == group].sum()
