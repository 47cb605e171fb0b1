"""Neighbourhoods in the latent space, the support of a state, and rigid motions of parts."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.imaging.resolution import low_pass
from gem_plugin.landscape.checks.half_map_support import measure_half_map_agreement
from gem_plugin.landscape.latents.kernel_weights import (
    best_candidate,
    candidate_sizes,
    cross_validation_errors,
    latent_distances,
    most_populated_point,
    neighbourhood,
)
from gem_plugin.landscape.motion.rigid import fit_rigid_motions, part_weights, rotate_views

BOX = 24


def _noise(seed: int) -> torch.Tensor:
    return torch.randn(BOX, BOX, BOX, generator=torch.Generator().manual_seed(seed))


def test_a_latent_that_is_badly_known_counts_little() -> None:
    latents = np.array([[0.0, 3.0], [1.0, 0.0]])
    std = np.array([[0.1, 3.0], [0.1, 3.0]])
    distances = latent_distances(latents, np.zeros(2), std)
    np.testing.assert_allclose(distances, [1.0, 10.0])
    with pytest.raises(InputError, match="Expected 2 numbers for a latent point"):
        latent_distances(latents, np.zeros(3), None)


def test_a_neighbourhood_holds_the_nearest_and_weighs_the_centre_most() -> None:
    near = neighbourhood(np.array([5.0, 0.0, 1.0, 9.0, 2.0]), 3)
    assert near.rows.tolist() == [1, 2, 4]
    assert near.weights[0] == 1
    assert near.weights[1] > near.weights[2] > 0
    assert candidate_sizes(1000) == [100, 200, 400]
    assert candidate_sizes(30) == [30]


def test_cross_validation_finds_the_width_between_noise_and_blur() -> None:
    """Widening halves the variance of the noise and adds a bias; the best is in the middle."""
    truth, bias = 3 * low_pass(_noise(0), 3), 3 * low_pass(_noise(1), 3)
    candidates = []
    for level, (noise, wrong) in enumerate(((0.6, 0.0), (0.3, 0.03), (0.15, 1.5))):
        halves = [truth + noise * _noise(10 * level + half + 5) + wrong * bias for half in (0, 1)]
        candidates.append((halves[0], halves[1]))
    errors = cross_validation_errors(candidates[0], candidates, torch.ones(BOX, BOX, BOX))
    assert best_candidate(errors) == 1


def test_only_a_real_difference_is_supported_by_both_halves() -> None:
    mask = torch.zeros(BOX, BOX, BOX)
    mask[6:18, 6:18, 6:18] = 1
    whole = (_noise(100) * 0.01, _noise(101) * 0.01)
    real = 3 * low_pass(_noise(102), 4)
    scores = []
    for seed in range(12):
        halves = (_noise(2 * seed), _noise(2 * seed + 1))
        scores.append(measure_half_map_agreement(halves, whole, mask, 8).z_score)
    assert np.abs(scores).max() < 4
    assert 0.5 < np.std(scores) < 1.8  # the standard error is honest
    supported = measure_half_map_agreement((_noise(0) + real, _noise(1) + real), whole, mask, 8, real)
    assert supported.z_score > 6
    assert supported.agreement_with_decoded > 0.7


def test_a_turn_and_a_shift_are_found_again_and_undone_in_the_pose() -> None:
    generator = np.random.default_rng(0)
    points = torch.from_numpy(generator.normal(size=(20, 3)) * 10).float()
    turns = torch.from_numpy(Rotation.random(5, generator).as_matrix()).float()
    shifts = torch.from_numpy(generator.normal(size=(5, 3)) * 4).float()
    moved = torch.einsum("bij,nj->bni", turns, points) + shifts[:, None]
    found = fit_rigid_motions(points, moved, torch.rand(20) + 0.1)
    torch.testing.assert_close(found.rotation_matrices, turns, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.translations_in_angstroms, shifts, atol=1e-3, rtol=0)
    views = torch.from_numpy(Rotation.random(5, generator).as_matrix()).float()
    origins = torch.from_numpy(generator.normal(size=(5, 2))).float()
    new_views, new_origins = rotate_views(views, origins, found)
    seen = torch.einsum("bij,bnj->bni", views, moved)[..., :2] - origins[:, None]
    again = torch.einsum("bij,nj->bni", new_views, points)[..., :2] - new_origins[:, None]
    torch.testing.assert_close(again, seen, atol=1e-3, rtol=0)


def test_every_voxel_belongs_to_the_parts_near_it() -> None:
    positions = torch.tensor([[-20.0, 0, 0], [20.0, 0, 0]])
    cloud = GaussianCloud(positions, torch.ones(2), torch.full((2,), 4.0))
    weights = part_weights(cloud, np.array([1, 2]), BOX, 3.0)
    torch.testing.assert_close(weights.sum(0), torch.ones(BOX, BOX, BOX))
    assert weights[0, 12, 12, 5] > 0.99
    assert weights[1, 12, 12, 19] > 0.99


def test_the_reference_of_a_ring_lies_on_the_ring() -> None:
    generator = np.random.default_rng(0)
    angles = generator.uniform(0, 2 * np.pi, 1000)
    ring = np.stack([np.cos(angles), np.sin(angles)], 1) + 0.05 * generator.normal(size=(1000, 2))
    ring[500] = 0.01  # nearest to the mean, and alone
    chosen = ring[most_populated_point(ring, generator)]
    assert 0.9 < np.linalg.norm(chosen) < 1.1
    assert most_populated_point(np.zeros((1, 2)), generator) == 0
