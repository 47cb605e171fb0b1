"""The geometric terms and the latent neighbours against plain formulas, written out pair by pair."""

import dataclasses
import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from gem_plugin.heterogeneity.losses.geometry import (
    MOTION_TERMS,
    direction_difference,
    distance_change,
    feature_difference,
    spacing_error,
)
from gem_plugin.heterogeneity.losses.latent_neighbours import LatentMemory, neighbour_contrast
from gem_plugin.heterogeneity.losses.neighbour_pairs import find_neighbour_pairs


def make_points(n=30, seed=0):
    return 3 * torch.randn(n, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def doubled(pairs):
    return dataclasses.replace(
        pairs, rest_distances=pairs.rest_distances.double(), weights=pairs.weights.double()
    )


def test_pairs_are_those_within_two_mean_spacings_each_once():
    points = make_points()
    pairs = find_neighbour_pairs(points)
    distances = (points[:, None] - points).norm(dim=-1)
    spacing = float((distances + 1e9 * torch.eye(30)).min(1).values.mean())
    expected = {(i, j) for i in range(30) for j in range(i + 1, 30) if distances[i, j] <= 2 * spacing}
    found = {tuple(sorted(pair)) for pair in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)}
    assert found == expected
    assert len(pairs) == len(expected)
    assert pairs.spacing == pytest.approx(spacing)
    weights = torch.exp(1 - distances[pairs.first, pairs.second] / spacing)
    assert torch.allclose(pairs.weights.double(), weights, rtol=1e-5)


def test_a_choice_of_pairs_is_bounded_and_repeatable():
    pairs = find_neighbour_pairs(make_points(200))
    chosen = [pairs.some(torch.Generator().manual_seed(1), most=50) for _ in range(2)]
    assert len(chosen[0]) == 50
    assert torch.equal(chosen[0].first, chosen[1].first)
    assert len(pairs.some(torch.Generator(), most=10**9)) == len(pairs)


def plain_terms(moved, displacements, points, pairs):
    """The three motion terms for a batch, in plain Python numbers."""
    sums, total = {"distance": 0.0, "direction": 0.0, "repulsion": 0.0}, 0.0
    n_close = 0
    for b in range(len(moved)):
        for i, j in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
            rest = math.dist(points[i].tolist(), points[j].tolist())
            now = math.dist(moved[b, i].tolist(), moved[b, j].tolist())
            weight = math.exp(1 - rest / pairs.spacing)
            total += weight
            sums["distance"] += weight * (now - rest) ** 2
            first, second = displacements[b, i].tolist(), displacements[b, j].tolist()
            product = sum(x * y for x, y in zip(first, second, strict=True))
            sums["direction"] += weight * (1 - product / (math.hypot(*first) * math.hypot(*second)))
            if rest <= 1.5 * pairs.spacing:
                n_close += 1
                sums["repulsion"] += abs(now - pairs.spacing)
    return {
        "distance": sums["distance"] / total,
        "direction": sums["direction"] / total,
        "repulsion": sums["repulsion"] / n_close,
    }


@pytest.mark.parametrize("name", MOTION_TERMS)
def test_motion_terms_are_the_plain_formulas_with_their_gradients(name):
    points = make_points()
    pairs = doubled(find_neighbour_pairs(points))
    displacements = torch.stack([make_points(seed=1), make_points(seed=2)]).requires_grad_()

    def term(moves):
        return MOTION_TERMS[name](points + moves, moves, pairs)

    expected = plain_terms(points + displacements.detach(), displacements.detach(), points, pairs)[name]
    assert float(term(displacements).detach()) == pytest.approx(expected, rel=1e-5)
    assert torch.autograd.gradcheck(term, (displacements,), atol=1e-6)


def test_smoothness_is_the_plain_formula_with_its_gradient():
    pairs = doubled(find_neighbour_pairs(make_points()))
    features = make_points(seed=4).requires_grad_()
    terms = [
        float(weight * ((features[i] - features[j]) ** 2).mean().detach())
        for i, j, weight in zip(pairs.first, pairs.second, pairs.weights, strict=True)
    ]
    value = float(feature_difference(features, pairs).detach())
    assert value == pytest.approx(sum(terms) / float(pairs.weights.sum()))
    assert torch.autograd.gradcheck(lambda values: feature_difference(values, pairs), (features,))


def test_turning_the_whole_molecule_changes_no_distance_and_shifting_it_no_direction():
    points = make_points()
    pairs = doubled(find_neighbour_pairs(points))
    turned = points @ torch.tensor(Rotation.random(random_state=0).as_matrix())
    assert float(distance_change(turned[None], pairs)) < 1e-10
    assert float(direction_difference(torch.ones(1, 30, 3, dtype=torch.float64), pairs)) < 1e-10
    assert float(direction_difference(points[None] - points.mean(0), pairs)) > 0.01


def test_a_regular_grid_has_no_spacing_error():
    axis = torch.arange(4.0, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).view(-1, 3)
    pairs = find_neighbour_pairs(grid)
    close = pairs.rest_distances <= 1.5 * pairs.spacing
    expected = float((pairs.rest_distances[close] - 1).abs().mean())  # diagonals within 1.5 spacings
    assert float(spacing_error(grid[None], pairs)) == pytest.approx(expected, abs=1e-6)
    assert float(spacing_error(0.5 * grid[None], pairs)) > 0.2


def test_points_that_meet_give_finite_gradients():
    points = make_points()
    pairs = doubled(find_neighbour_pairs(points))
    together = torch.zeros(1, 30, 3, dtype=torch.float64, requires_grad=True)
    sum(term(together, together, pairs) for term in MOTION_TERMS.values()).backward()
    assert torch.isfinite(together.grad).all()


def test_neighbour_contrast_is_the_plain_formula_with_its_gradient():
    remembered = make_points(20, seed=6)
    latents = make_points(4, seed=7).requires_grad_()
    near, far = [], []
    for latent in latents.detach():
        squared = sorted(math.dist(latent.tolist(), other.tolist()) ** 2 for other in remembered)
        near += [math.log(1 + d) for d in squared[:3]]
        far += [math.log(1 + 1 / d) for d in squared[-5:]]
    value = float(neighbour_contrast(latents, remembered, 3, 5).detach())
    assert value == pytest.approx(sum(near) / len(near) + sum(far) / len(far))
    assert torch.autograd.gradcheck(lambda z: neighbour_contrast(z, remembered, 3, 5), (latents,))


def test_neighbour_contrast_draws_a_latent_to_the_cluster_beside_it():
    clusters = torch.cat([torch.full((50, 1), -3.0), torch.full((50, 1), 3.0)])
    clusters = clusters + 0.1 * torch.randn(100, 1, generator=torch.Generator().manual_seed(0))
    latent = torch.tensor([[1.5]], requires_grad=True)
    neighbour_contrast(latent, clusters, 20, 20).backward()
    assert latent.grad < 0  # downhill is towards +3


def test_the_memory_keeps_the_newest_latents_and_survives_a_checkpoint():
    memory = LatentMemory(1, size=5)
    assert len(memory.remembered()) == 0
    memory.add(torch.arange(3.0)[:, None])
    memory.add(torch.arange(3.0, 7.0)[:, None])
    assert sorted(memory.remembered().ravel().tolist()) == [2, 3, 4, 5, 6]
    other = LatentMemory(1, size=5)
    other.load_state(memory.state())
    for one in (memory, other):
        one.add(torch.tensor([[9.0]]))
    assert torch.equal(memory.remembered(), other.remembered())
