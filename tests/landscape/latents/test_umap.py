"""A layout of very many points is fitted to some of them, and the others are placed among these."""

import numpy as np

from gem_plugin.landscape.latents import umap as module
from gem_plugin.landscape.latents.umap import place_among, umap_embedding


def two_groups(n: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.normal(size=(n, 3)) + 20.0 * (np.arange(n) % 2)[:, None]


def test_known_points_keep_their_place_and_others_lie_between_their_neighbours() -> None:
    known, layout = two_groups(40), np.random.default_rng(1).normal(size=(40, 2))
    np.testing.assert_allclose(place_among(known, known, layout), layout, atol=1e-5)
    placed = place_among(known + 0.01, known, layout)
    assert (placed.min(0) >= layout.min(0)).all()
    assert (placed.max(0) <= layout.max(0)).all()


def test_more_points_than_are_fitted_stay_in_their_groups(monkeypatch) -> None:
    monkeypatch.setattr(module, "MAXIMUM_FITTED_POINTS", 60)
    points = two_groups(300)
    layout = umap_embedding(points, seed=0)
    assert layout.shape == (300, 2)
    first, second = layout[::2], layout[1::2]
    distance = np.linalg.norm(first.mean(0) - second.mean(0))
    assert distance > 3 * max(first.std(0).max(), second.std(0).max())
    np.testing.assert_array_equal(layout, umap_embedding(points, seed=0))


def test_two_points_and_many_equal_points_are_laid_out() -> None:
    assert umap_embedding(two_groups(2), seed=0).shape == (2, 2)
    assert np.isfinite(umap_embedding(np.repeat(two_groups(30), 4, axis=0), seed=0)).all()


def test_neighbours_of_each_group_stay_neighbours() -> None:
    points = two_groups(200)
    layout = umap_embedding(points, seed=0)
    distances = np.linalg.norm(layout[:, None] - layout[None], axis=2) + np.diag(np.full(len(layout), np.inf))
    assert (distances.argmin(1) % 2 == np.arange(len(layout)) % 2).all()
