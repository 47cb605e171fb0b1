"""What the Triton kernels must do, against the plain reference. test_projection_triton.py runs this file in a process of
its own: on a GPU where there is one, and on the CPU through Triton's interpreter (TRITON_INTERPRET=1).
"""

import pytest
import torch
import triton.language as tl
from random_clouds import random_cloud, random_rotations

from gem_plugin.gaussians import integrals_triton, pixel_tables
from gem_plugin.gaussians.cloud import GaussianCloud
from gem_plugin.gaussians.projection import project_gaussians
from gem_plugin.gaussians.projection_reference import render_reference
from gem_plugin.gaussians.projection_triton import BLOCK
from gem_plugin.gaussians.volume_triton import read_on_device, render_on_device

NAN, INFINITY = float("nan"), float("inf")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
PIXEL_SIZE = 3.0
ERROR_OF_ROUNDING = 3e-5  # nothing is cut here: the kernels and the reference compute the same
ERROR_OF_CUTTING = 5e-3  # what lies beyond three widths

integrals_triton.SUPPORT_IN_WIDTHS = tl.constexpr(5.0)


def values_and_gradients(cloud, rotations, box_size, projector, weights):
    leaves = [cloud.positions, cloud.amplitudes, cloud.widths]
    leaves = [leaf.clone().to(DEVICE).requires_grad_() for leaf in leaves]
    images = project_gaussians(GaussianCloud(*leaves), rotations.to(DEVICE), box_size, PIXEL_SIZE, projector)
    (images * weights.to(DEVICE)).sum().backward()
    return [images.detach(), *[leaf.grad for leaf in leaves]]


def assert_projections_agree(cloud, rotations, box_size, tolerance=ERROR_OF_ROUNDING):
    weights = torch.randn(len(rotations), box_size, box_size, generator=torch.Generator().manual_seed(1))
    reference = values_and_gradients(cloud, rotations, box_size, "reference", weights)
    triton = values_and_gradients(cloud, rotations, box_size, "triton", weights)
    for expected, found in zip(reference, triton, strict=True):
        assert found.shape == expected.shape
        assert (found - expected).norm() / expected.norm() < tolerance


@pytest.mark.parametrize(
    ("box_size", "spread"), [(24, 14.0), (31, 4.0)]
)  # 14 reaches over the edge and outside
def test_values_and_gradients_agree_with_the_reference(box_size, spread):
    assert_projections_agree(random_cloud(spread=spread), random_rotations(3), box_size)


@pytest.mark.skipif(DEVICE != "cpu", reason="a compiled kernel keeps its constants")
def test_gaussians_cut_at_three_widths_lose_little(monkeypatch):
    monkeypatch.setattr(integrals_triton, "SUPPORT_IN_WIDTHS", tl.constexpr(pixel_tables.SUPPORT_IN_WIDTHS))
    assert_projections_agree(random_cloud(spread=8.0), random_rotations(3), 16, ERROR_OF_CUTTING)


def test_gaussians_wider_than_a_tile_agree_with_the_reference():
    cloud = random_cloud(batch=2, n_gaussians=8)
    widths = torch.linspace(1.5, 6.0, 8)  # half a pixel to two pixels: footprints of 6 to 22 pixels
    cloud = GaussianCloud(cloud.positions, cloud.amplitudes, widths)
    assert_projections_agree(cloud, random_rotations(2), 16)


def test_more_gaussians_than_a_block_agree_with_the_reference():
    assert_projections_agree(random_cloud(batch=2, n_gaussians=BLOCK + 3), random_rotations(2), 16)


def test_one_cloud_for_all_views_gets_the_summed_gradient():
    cloud = random_cloud(batch=1)
    shared = GaussianCloud(cloud.positions[0], cloud.amplitudes[0], cloud.widths)
    assert_projections_agree(shared, random_rotations(4), 20)


def test_widths_per_image_are_used_and_get_their_own_gradient():
    cloud = random_cloud(batch=2)
    widths = torch.stack([torch.full((50,), 1.5), torch.full((50,), 3.0)])
    assert_projections_agree(
        GaussianCloud(cloud.positions, cloud.amplitudes, widths), random_rotations(2), 20
    )


def test_views_of_larger_tensors_are_read_where_they_are():
    large = random_cloud(batch=4)
    some = GaussianCloud(large.positions[::2], large.amplitudes[::2], large.widths)
    transposed = GaussianCloud(
        large.positions[::2].transpose(1, 2).contiguous().transpose(1, 2),
        large.amplitudes[::2].T.contiguous().T,
        large.widths,
    )
    rotations = random_rotations(1).expand(2, 3, 3)
    expected = project_gaussians(on_device(some), rotations.to(DEVICE), 20, PIXEL_SIZE, "reference")
    for cloud in (some, transposed):
        images = project_gaussians(on_device(cloud), rotations.to(DEVICE), 20, PIXEL_SIZE, "triton")
        assert (images - expected).norm() / expected.norm() < ERROR_OF_ROUNDING


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # numpy, in the interpreter
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize(
    ("what", "bad"),
    [
        *(("position", bad) for bad in (NAN, INFINITY, -INFINITY, 1e30)),
        *(("width", bad) for bad in (NAN, 0.0, -1.0)),
    ],
)
def test_impossible_gaussians_touch_nothing_and_leave_the_others(what, bad):
    cloud = random_cloud(batch=1, n_gaussians=6, spread=3.0)
    positions, widths = cloud.positions.clone(), cloud.widths.clone()
    if what == "position":
        positions[0, 2] = bad
    else:
        widths[2] = bad
    rotations, weights = random_rotations(1), torch.ones(1, 16, 16)
    damaged = GaussianCloud(positions, cloud.amplitudes, widths)
    image, *gradients = values_and_gradients(damaged, rotations, 16, "triton", weights)
    others = [0, 1, 3, 4, 5]
    rest = GaussianCloud(positions[:, others], cloud.amplitudes[:, others], widths[others])
    expected, *_ = values_and_gradients(rest, rotations, 16, "triton", weights)
    assert torch.allclose(image, expected, atol=1e-6)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert gradients[0][0, 2].abs().max() == 0
    assert gradients[1][0, 2] == 0
    assert gradients[2][2] == 0


def test_the_gradient_of_a_very_narrow_gaussian_is_finite():
    cloud = GaussianCloud(torch.zeros(1, 1, 3), torch.ones(1, 1), torch.full((1,), 1e-6))
    image, *gradients = values_and_gradients(
        cloud, torch.eye(3)[None], 8, "triton", torch.arange(64.0).reshape(1, 8, 8)
    )
    assert float(image[0, 4, 4]) == pytest.approx(1.0)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_no_gaussians_give_empty_images():
    empty = GaussianCloud(torch.zeros(2, 0, 3), torch.zeros(2, 0), torch.zeros(0))
    images, *_ = values_and_gradients(empty, random_rotations(2), 8, "triton", torch.ones(2, 8, 8))
    assert images.shape == (2, 8, 8)
    assert images.abs().max() == 0


def test_half_precision_amplitudes_give_single_precision_images():
    cloud = random_cloud(batch=2, spread=4.0)
    halves = GaussianCloud(cloud.positions, cloud.amplitudes.bfloat16(), cloud.widths)
    expected, *_ = values_and_gradients(cloud, random_rotations(2), 20, "reference", torch.ones(2, 20, 20))
    images, *gradients = values_and_gradients(
        halves, random_rotations(2), 20, "triton", torch.ones(2, 20, 20)
    )
    assert images.dtype == torch.float32
    assert gradients[1].dtype == torch.bfloat16
    assert (images - expected).norm() / expected.norm() < 5e-3


@pytest.mark.parametrize(("box_size", "pixel_size"), [(8, 4.0), (9, 3.0)])  # one tile of columns, and two
def test_volumes_agree_with_the_reference(box_size, pixel_size):
    cloud = in_pixels(random_cloud(batch=1, spread=6.0), pixel_size)
    expected = render_reference(*cloud, box_size)
    assert (render_on_device(*cloud, box_size) - expected).norm() / expected.norm() < ERROR_OF_ROUNDING


def test_reading_a_volume_is_the_transpose_of_rendering_two_clouds():
    positions, amplitudes, widths = in_pixels(random_cloud(batch=2, spread=6.0), 4.0)
    volume = torch.randn(8, 8, 8, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    inner_products = (render_on_device(positions, amplitudes, widths, 8) * volume).sum((1, 2, 3))
    read = (amplitudes * read_on_device(volume, positions, widths)).sum(1)
    assert torch.allclose(inner_products, read, rtol=1e-4, atol=1e-4)


def on_device(cloud):
    return GaussianCloud(
        cloud.positions.to(DEVICE),
        cloud.amplitudes.to(DEVICE),
        cloud.widths.to(DEVICE),
    )


def in_pixels(cloud, pixel_size):
    cloud = on_device(cloud)
    return (
        cloud.positions / pixel_size,
        cloud.amplitudes,
        cloud.widths[None] / pixel_size,
    )
