"""Parts of a molecule: where they are cut, what images say of them, and how far they moved."""

import math
from dataclasses import replace

import pytest
import torch
from static_model import BOX, long_molecule, observe, project, random_views

from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.heterogeneity.losses.image import squared_error
from gem_plugin.heterogeneity.moving_parts import (
    evidence_of_motion,
    likeliest_motion,
    part_terms,
    parts_of,
    pose_and_part_terms,
)
from gem_plugin.heterogeneity.pose_refinement import N_NUMBERS, pose_terms

N = 300


@pytest.fixture(scope="module")
def cloud() -> GaussianCloud:
    return long_molecule(torch.Generator().manual_seed(0))


def moved_parts(cloud, views, parts, shifts, changes):
    """Images in which parts are shifted in the image, (n, parts, 2) pixels, and changed, (n, parts)."""
    positions = cloud.positions.expand(len(views), -1, -1).clone()
    amplitudes = cloud.amplitudes.expand(len(views), -1).clone()
    for number, part in enumerate(parts):
        positions[:, part] += (views.transpose(1, 2)[:, :, :2] @ shifts[:, number, :, None])[..., 0][:, None]
        amplitudes[:, part] *= 1 + changes[:, number, None]
    return project(replace(cloud, positions=positions, amplitudes=amplitudes), views)


def test_parts_are_eight_compact_pieces_of_equal_size(cloud):
    parts = parts_of(cloud.positions)
    assert sorted(torch.cat(parts).tolist()) == list(range(len(cloud)))
    assert [len(part) for part in parts] == [7, 8] * 4
    within = sum(float(cloud.positions[part].var(0, correction=0).sum()) for part in parts) / len(parts)
    assert within < 0.4 * float(cloud.positions.var(0).sum())


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_molecule_of_few_gaussians_has_fewer_parts(n):
    parts = parts_of(torch.randn(n, 3, generator=torch.Generator().manual_seed(1)))
    assert sorted(torch.cat(parts).tolist()) == list(range(n))
    assert all(len(part) for part in parts)


@pytest.mark.parametrize("contrast_variance", [0.0, 0.04])
def test_the_gradient_is_that_of_moved_and_changed_parts(cloud, contrast_variance):
    generator = torch.Generator().manual_seed(2)
    views, parts = random_views(2, 5), parts_of(cloud.positions)
    batch = observe(project(cloud, views), views, generator).batch(torch.arange(2))
    terms = part_terms(cloud, batch, parts, contrast_variance=contrast_variance)
    zero, step = torch.zeros(2, len(parts), 3), 0.02

    def loss(values):
        images = moved_parts(cloud, views, parts, values[..., :2], values[..., 2])
        return squared_error(images, batch.images, batch.filters, contrast_variance)

    for part in (0, 5):
        for number, column in enumerate((part, len(parts) + part, 2 * len(parts) + part)):
            change = zero.clone()
            change[:, part, number] = step
            slope = (loss(change) - loss(-change)) / (2 * step)
            torch.testing.assert_close(terms.gradients[:, column], slope, rtol=0.03, atol=0.3)


def test_poses_and_parts_together_say_what_each_says(cloud):
    views, parts = random_views(3, 6), parts_of(cloud.positions)
    batch = observe(project(cloud, views), views, torch.Generator().manual_seed(1)).batch(torch.arange(3))
    both = pose_and_part_terms(cloud, batch, parts, contrast_variance=0.02)
    of_pose, of_parts = pose_terms(cloud, batch, contrast_variance=0.02), part_terms(cloud, batch, parts, contrast_variance=0.02)  # fmt: skip
    for columns, alone in ((slice(None, N_NUMBERS), of_pose), (slice(N_NUMBERS, None), of_parts)):
        scale = float(alone.gradients.abs().max())
        torch.testing.assert_close(both.gradients[:, columns], alone.gradients, rtol=1e-3, atol=1e-4 * scale)
        scale = float(alone.curvatures.abs().max())
        found = both.curvatures[:, columns, columns]
        torch.testing.assert_close(found, alone.curvatures, rtol=1e-3, atol=1e-4 * scale)
    torch.testing.assert_close(both.losses, of_parts.losses, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("shift", "change"), [(0.3, 0.2), (0.0, 0.0)])
def test_planted_motion_of_parts_is_measured(cloud, shift, change):
    generator = torch.Generator().manual_seed(4)
    views, parts = random_views(N, 7), parts_of(cloud.positions)
    shifts = shift * torch.randn(N, len(parts), 2, generator=generator)
    changes = change * torch.randn(N, len(parts), generator=generator)
    observations = observe(moved_parts(cloud, views, parts, shifts, changes), views, generator)
    terms = part_terms(cloud, observations.batch(torch.arange(N)), parts)
    found = likeliest_motion(-terms.gradients, terms.curvatures, torch.ones(N))
    assert math.sqrt(found.shift) == pytest.approx(shift, rel=0.1, abs=0.04)
    assert math.sqrt(found.amplitude) == pytest.approx(change, rel=0.1, abs=0.03)
    evidence = float(evidence_of_motion(found, -terms.gradients, terms.curvatures).mean())
    assert (evidence > 5) if shift else (evidence < 0.1)


def test_images_have_the_box_of_the_batch(cloud):
    assert project(cloud, random_views(1, 0)).shape == (1, BOX, BOX)
