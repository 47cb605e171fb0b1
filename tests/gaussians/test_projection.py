"""The fast projection against the plain one, and both against physics."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_clouds import random_cloud, random_rotations

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.gaussians.projection_reference import render_reference
from gem_plugin.gaussians.volume import (
    read_volume_at_gaussians,
    render_volumes,
    render_volumes_without_aliasing,
)
from gem_plugin.imaging.fourier import fourier_crop_volume, fourier_shell_correlation


@pytest.mark.parametrize("box_size", [24, 31])
@pytest.mark.parametrize("one_width", [True, False])
@pytest.mark.parametrize("spread", [4.0, 14.0])  # the wide one has Gaussians over the edge and outside
def test_fast_projection_agrees_with_reference_in_values_and_gradients(box_size, one_width, spread):
    cloud, rotations = random_cloud(one_width=one_width, spread=spread), random_rotations(3)
    target = torch.randn(3, box_size, box_size, generator=torch.Generator().manual_seed(1))
    results = []
    for projector in ("reference", "auto"):
        leaves = [cloud.positions, cloud.amplitudes, cloud.widths]
        leaves = [leaf.clone().requires_grad_() for leaf in leaves]
        leaves[2].requires_grad_(not one_width)
        images = project_gaussians(GaussianCloud(*leaves), rotations, box_size, 2.0, projector)
        (images * target).sum().backward()
        results.append([images.detach(), *[leaf.grad for leaf in leaves if leaf.requires_grad]])
    tolerances = [
        5e-3,
        5e-3,
        5e-3,
        2e-2,
    ]  # cut at three widths; the width's own gradient is a step of two percent
    for reference, fast, tolerance in zip(*results, tolerances, strict=False):
        error = float((reference - fast).norm() / reference.norm())
        assert error < tolerance


def test_widths_per_image_are_used():
    cloud = random_cloud(batch=2)
    widths = torch.stack([torch.full((50,), 1.0), torch.full((50,), 3.0)])
    cloud = GaussianCloud(cloud.positions, cloud.amplitudes, widths)
    images = project_gaussians(cloud, random_rotations(2), 32, 2.0)
    reference = project_gaussians(cloud, random_rotations(2), 32, 2.0, "reference")
    assert (images - reference).norm() / reference.norm() < 3e-3


@given(x=st.floats(-3, 3), y=st.floats(-3, 3), width=st.floats(0.3, 1.5))
@settings(max_examples=30, deadline=None)
def test_mass_is_kept_wherever_a_narrow_gaussian_lies(x, y, width):
    cloud = GaussianCloud(torch.tensor([[x, y, 0.0]]), torch.ones(1), torch.tensor([width]), LengthUnit.PIXEL)
    images = project_gaussians(cloud, torch.eye(3)[None], 20)
    assert images.sum().item() == pytest.approx(1.0, abs=6e-3)


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_point_at_the_rotation_centre_stays_fixed(seed):
    cloud = GaussianCloud(torch.zeros(1, 3), torch.ones(1), torch.full((1,), 0.7), LengthUnit.PIXEL)
    image = project_gaussians(cloud, random_rotations(1, seed), 16)[0]
    assert torch.equal(image, image.T)
    assert np.unravel_index(int(image.argmax()), (16, 16)) == (8, 8)


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_rotating_the_cloud_or_the_view_is_the_same(seed):
    cloud, rotation = random_cloud(batch=1, spread=3.0), random_rotations(1, seed)
    turned = GaussianCloud(cloud.positions @ rotation[0].T, cloud.amplitudes, cloud.widths)
    one = project_gaussians(cloud, rotation, 24, 1.5)
    other = project_gaussians(turned, torch.eye(3)[None], 24, 1.5)
    assert torch.allclose(one, other, atol=1e-3)


def test_a_shift_of_one_pixel_is_a_roll():
    cloud = random_cloud(batch=1, spread=3.0)
    moved = cloud.positions + torch.tensor([2.0, 0.0, 0.0])
    moved_cloud = GaussianCloud(moved, cloud.amplitudes, cloud.widths)
    image = project_gaussians(cloud, torch.eye(3)[None], 32, 2.0)
    assert torch.allclose(
        project_gaussians(moved_cloud, torch.eye(3)[None], 32, 2.0), image.roll(1, 2), atol=1e-5
    )


def test_a_projection_is_the_sum_of_the_volume_along_z():
    cloud = random_cloud(batch=2, spread=3.0)
    volumes = render_volumes(cloud, 32, 1.5)
    images = project_gaussians(cloud, torch.eye(3).expand(2, 3, 3), 32, 1.5)
    assert (volumes.sum(1) - images).norm() / images.norm() < 5e-3


@pytest.mark.parametrize("one_width", [True, False])
def test_volumes_agree_with_reference(one_width):
    cloud = random_cloud(batch=2, spread=6.0, one_width=one_width)
    in_pixels = cloud.in_pixels(1.5)
    pixels = [in_pixels.positions, cloud.amplitudes, in_pixels.widths[None]]
    reference = render_reference(*pixels, 20)
    assert (render_volumes(cloud, 20, 1.5) - reference).norm() / reference.norm() < 5e-3


def test_reading_a_volume_is_the_transpose_of_rendering():
    cloud = random_cloud(batch=2, spread=6.0)
    volume = torch.randn(20, 20, 20, generator=torch.Generator().manual_seed(0))
    inner_products = (render_volumes(cloud, 20, 1.5) * volume).sum((1, 2, 3))
    read = (cloud.amplitudes * read_volume_at_gaussians(volume, cloud, 1.5)).sum(1)
    assert torch.allclose(inner_products, read, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e30])
def test_impossible_positions_touch_nothing(bad):
    cloud = GaussianCloud(
        torch.full((1, 4, 3), bad), torch.ones(1, 4), torch.full((4,), 0.7), LengthUnit.PIXEL
    )
    cloud.positions.requires_grad_()
    images = project_gaussians(cloud, torch.eye(3)[None], 16)
    images.sum().backward()
    assert images.detach().abs().max() == 0
    assert cloud.positions.grad.abs().max() == 0


def test_unknown_projector_is_refused():
    with pytest.raises(InputError, match="auto"):
        project_gaussians(random_cloud(1), torch.eye(3)[None], 16, 2.0, "fancy")


@pytest.mark.parametrize("width", [0.3, 0.5, 1.2])
def test_maps_without_aliasing_are_those_of_a_finer_grid(width):
    box = 24
    generator = torch.Generator().manual_seed(2)
    positions = 3 * torch.randn(40, 3, generator=generator)
    amplitudes, widths = torch.rand(40, generator=generator) + 0.5, torch.full((40,), width)
    cloud = GaussianCloud(positions, amplitudes, widths, LengthUnit.PIXEL)
    fine = GaussianCloud(4 * positions, amplitudes, 4 * widths, LengthUnit.PIXEL)
    expected = fourier_crop_volume(render_volumes(fine, 4 * box)[0], box)
    plain, better = render_volumes(cloud, box)[0], render_volumes_without_aliasing(cloud, box)[0]
    shells = slice(box // 3, box // 2)
    of_plain, of_better = (
        fourier_shell_correlation(volume, expected)[shells].min() for volume in (plain, better)
    )
    if width > 1:
        assert torch.equal(better, plain), "nothing is folded back"
        return
    assert of_better > (0.99 if width >= 0.5 else 0.97)
    assert of_better > of_plain
    assert better.sum() == pytest.approx(float(plain.sum()), rel=5e-3)  # cut at three widths


def test_maps_without_aliasing_of_several_clouds_and_widths():
    cloud = random_cloud(batch=2, one_width=False, spread=4.0)
    both = render_volumes_without_aliasing(cloud, 24, 2.0)
    one = GaussianCloud(cloud.positions[1], cloud.amplitudes[1], cloud.widths)
    assert torch.allclose(both[1], render_volumes_without_aliasing(one, 24, 2.0)[0], atol=1e-5)
