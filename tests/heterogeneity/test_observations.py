"""Matched images are kept once an image, whatever the number of its views, and are the same as made anew."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gem_plugin.heterogeneity.observations import MatchedBatch, Observations
from gem_plugin.imaging.ctf import CtfParameters
from gem_plugin.particles.prepared import ImagesOfRows

BOX, N_IMAGES, ORDER = 16, 10, 4
N_ROWS = N_IMAGES * ORDER
IMAGE_OF_ROW = np.repeat(np.arange(N_IMAGES), ORDER)


def observations(
    shifts: torch.Tensor | None = None,  # (rows, 2)
    defocus: torch.Tensor | None = None,  # (rows,)
    image_of_row: np.ndarray = IMAGE_OF_ROW,
) -> Observations:
    generator = torch.Generator().manual_seed(0)
    stack = torch.randn(N_IMAGES, BOX, BOX, generator=generator).numpy()
    own_shifts = torch.randn(N_IMAGES, 2, generator=generator)[image_of_row]
    own_defocus = (10_000 + 1000.0 * torch.arange(N_IMAGES))[image_of_row]
    df = own_defocus if defocus is None else defocus
    others = (torch.full((N_ROWS,), value) for value in (0.0, 0.0, 0.0, 1.0, 300.0, 2.7, 0.1))
    return Observations(
        ImagesOfRows(stack, image_of_row),
        torch.linalg.qr(torch.randn(N_ROWS, 3, 3, generator=generator)).Q,
        own_shifts if shifts is None else shifts,
        CtfParameters(df, df, *others),
        torch.ones(BOX // 2 + 1),
        5.0,
        image_indices=image_of_row,
    )


def assert_kept_as_made_anew(kept: Observations) -> None:
    rows = torch.tensor([0, 39, 5, 6, 21, 38])
    before = kept.batch(rows)
    kept.keep_in_memory()
    assert_same(before, kept.batch(rows))


def assert_same(one: MatchedBatch, other: MatchedBatch) -> None:
    torch.testing.assert_close(one.images, other.images)
    torch.testing.assert_close(one.filters, other.filters, rtol=1e-3, atol=1e-4)  # kept in half precision
    torch.testing.assert_close(one.rotation_matrices, other.rotation_matrices)


def test_views_of_one_image_share_its_matched_image() -> None:
    kept = observations()
    assert kept.n_matched == N_IMAGES
    assert_kept_as_made_anew(kept)
    assert kept._matched is not None
    assert kept._matched.shape == (N_IMAGES, BOX, BOX)


def test_rows_in_any_order_share_too() -> None:
    order = np.random.default_rng(3).permutation(N_ROWS)
    _, image_of_row = np.unique(IMAGE_OF_ROW[order], return_inverse=True)
    kept = observations(image_of_row=image_of_row)
    assert kept.n_matched == N_IMAGES
    assert_kept_as_made_anew(kept)


@pytest.mark.parametrize("what", ["shifts", "defocus"])
def test_a_view_of_another_shift_or_ctf_has_a_matched_image_of_its_own(what: str) -> None:
    usual = observations()
    values = (usual.shifts_in_pixels if what == "shifts" else usual.ctf.defocus_u_in_angstroms).clone()
    values[6] += 1.0
    kept = observations(**{what: values})
    assert kept.n_matched == N_IMAGES + 1
    assert_kept_as_made_anew(kept)
    assert not torch.equal(*kept.batch(torch.tensor([5, 6])).images)


def test_plain_particles_have_one_each() -> None:
    plain = observations()
    plain.image_indices = np.arange(N_ROWS)
    assert plain.n_matched == N_ROWS
    assert_kept_as_made_anew(plain)


def test_poses_that_move_apart_do_not_take_more_memory() -> None:
    kept = observations()
    kept.keep_in_memory()
    rotations = torch.eye(3).expand(N_ROWS, 3, 3)
    same = torch.ones(N_IMAGES, 2)[IMAGE_OF_ROW]
    kept.move_poses_(rotations, same)
    assert kept._matched is not None
    assert kept._matched.shape == (N_IMAGES, BOX, BOX)
    rows, own = torch.tensor([0, 1, 5]), torch.randn(N_ROWS, 2, generator=torch.Generator().manual_seed(2))
    kept.move_poses_(rotations, own)
    assert kept._matched is None, "every view would need an image of its own"
    moved = observations(shifts=observations().shifts_in_pixels - own)
    assert_same(moved.batch(rows), kept.batch(rows))
    kept.reset_poses_()
    assert kept._matched is not None, "they share again"
    assert_same(observations().batch(rows), kept.batch(rows))


@pytest.mark.parametrize("scale_factors", [(1.0, 1.0), (1e-4, 1e-4), (1e4, 1.0), (0.0, 1e-3)])
def test_filters_that_are_kept_are_right_whatever_the_scale_of_the_ctf(
    scale_factors: tuple[float, float],
) -> None:
    """Half precision would round squares of 1e-8 to nothing and those of 1e8 to infinity."""
    kept, rows = observations(), torch.tensor([0, ORDER, 5 * ORDER])
    of_images = torch.tensor(scale_factors)[torch.from_numpy(IMAGE_OF_ROW) % 2]
    kept.ctf = replace(kept.ctf, scale_factor=of_images)
    expected = kept.batch(rows).filters
    kept.keep_in_memory()
    sizes = of_images[rows].square().clamp_min(1e-30)[:, None, None]
    torch.testing.assert_close(kept.batch(rows).filters / sizes, expected / sizes, rtol=1e-3, atol=1e-4)


def test_images_kept_in_half_precision_are_right_to_a_thousandth() -> None:
    kept = observations()
    rows = torch.tensor([0, 39, 5, 6, 21, 38])
    before = kept.batch(rows)
    kept.keep_in_memory(dtype=torch.float16)
    after = kept.batch(rows)
    assert after.images.dtype == torch.float32
    largest = before.images.abs().amax((1, 2), keepdim=True)
    assert float(((after.images - before.images).abs() / largest).max()) < 2.0**-11
    assert kept._matched is not None
    assert kept._matched.dtype == torch.float16


@pytest.mark.parametrize("scale", [0.0, 1e-12, 1e12])
def test_half_precision_does_not_depend_on_the_scale_of_images(scale: float) -> None:
    kept, scaled = observations(), observations()
    rows = torch.arange(4)
    scaled.raw_images = scaled.raw_images[np.arange(N_ROWS)] * np.float32(scale)
    for one in (kept, scaled):
        one.keep_in_memory(dtype=torch.float16)
    torch.testing.assert_close(scaled.batch(rows).images, kept.batch(rows).images * scale, rtol=1e-3, atol=0)


def test_images_stay_in_half_precision_when_poses_move() -> None:
    kept = observations()
    kept.keep_in_memory(dtype=torch.float16)
    kept.move_poses_(torch.eye(3).expand(N_ROWS, 3, 3), torch.ones(N_ROWS, 2))
    assert kept._matched is not None
    assert kept._matched.dtype == torch.float16
    anew = observations()
    anew.move_poses_(torch.eye(3).expand(N_ROWS, 3, 3), torch.ones(N_ROWS, 2))
    rows = torch.arange(9)
    torch.testing.assert_close(kept.batch(rows).images, anew.batch(rows).images, rtol=1e-3, atol=3e-3)
